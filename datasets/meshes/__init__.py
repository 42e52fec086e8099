"""Cells, their topology in UGRID, neighbors, and points without cells."""
