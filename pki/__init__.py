"""X.509 and key pairs of a Kubernetes cluster, as a library of its own."""
