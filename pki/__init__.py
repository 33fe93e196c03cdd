"""X.509 and key pairs of a Kubernetes cluster, as a library of its own.

    catalog   what certificates a control plane has, as data
    cluster   what is particular to one cluster and node
    ensure    the certificates directory as it should be: reuse, check, make, write
    renew     new certificates in the place of old ones
    csr       requests for an authority elsewhere
    sealing   private keys on their way to another control plane
    pins      what a machine is told of an authority before it trusts it
    clients   client certificates for kubeconfig files
    pool      keys made in the background, on all CPUs

Invariant: nothing but ``cryptography`` and the standard library is imported; time and files come in as
arguments; ``catalog``, ``cluster``, ``errors``, ``pool`` and ``profile`` load without ``cryptography``.
"""
