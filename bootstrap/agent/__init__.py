"""The static-pod agent: manifests in a directory -> containers that run.

Invariant: level-triggered. Events only wake a worker; what is done next is decided from state read afresh.
It knows nothing of how manifests came to be.
"""
