"""CDISC ODM documents."""
