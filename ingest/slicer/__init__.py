"""Files of 3D Slicer: markups, segmentations, tables."""
