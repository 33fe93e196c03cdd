"""podstrap: a Kubernetes control plane from a Docker Engine alone.

The layers and who may import whom are drawn in docs/architecture.md and checked by import-linter.
"""

__version__ = "0.1.0"
