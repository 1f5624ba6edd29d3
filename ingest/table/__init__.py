"""Tables of every kind, read through table maps."""
