"""DICOM radiotherapy objects: structures, doses, plans."""
