"""Research hand-off: what is in the warehouse, or comes out of an algorithm, as the standard objects of the field."""
