"""Images outside DICOM: NRRD, Philips PAR/REC."""
