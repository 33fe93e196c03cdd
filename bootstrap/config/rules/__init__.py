"""What a complete configuration must satisfy, one file for each part of it.

Source: cmd/kubeadm/app/apis/kubeadm/validation/validation.go, and rules of the components themselves that
kubeadm leaves to a crash at start. Invariant: a rule is pure; it yields faults and never raises.
"""
