"""The de-identification gate."""
