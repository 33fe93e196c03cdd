"""The static-pod agent. It knows nothing of how manifests came to be."""
