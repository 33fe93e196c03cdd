"""Checks of the machine, as a table."""
