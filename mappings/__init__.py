"""Curated mappings as data, and the code that reads and applies them."""
