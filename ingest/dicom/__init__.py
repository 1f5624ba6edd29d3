"""DICOM files: headers, series, and the frame that readers of single documents share."""
