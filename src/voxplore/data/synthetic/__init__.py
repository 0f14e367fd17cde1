"""Unit cells made on the spot, the same bytes for the same seed."""
