"""click, and nothing that decides."""
