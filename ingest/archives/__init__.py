"""Archives and servers of images: catalogues, DICOMweb, DIMSE, NBIA, XNAT."""
