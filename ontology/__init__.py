"""The vocabulary: ontology, shapes, bundled terms, record types and how their fields become triples."""
