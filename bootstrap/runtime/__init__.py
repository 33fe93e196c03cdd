"""Containers: a Protocol, its values, and one adapter (``docker_engine``) that speaks to a Docker Engine."""
