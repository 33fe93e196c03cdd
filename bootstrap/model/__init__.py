"""Frozen values that all layers speak in. Invariant: nothing here does I/O or knows what time it is."""
