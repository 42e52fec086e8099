"""Rectangular grids, their axes and their box."""
