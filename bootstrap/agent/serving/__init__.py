"""What the agent answers on a kubelet's port: who may ask, and what is said.

Invariant: nothing is answered to whom nobody authorized.
"""
