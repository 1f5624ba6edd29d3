"""Annotations in AIM: XML of versions 3 and 4, ePAD's JSON."""
