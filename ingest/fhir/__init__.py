"""FHIR R4 documents."""
