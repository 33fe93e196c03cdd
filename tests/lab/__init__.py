"""Nodes for tests: machines made of namespaces, with real Docker Engines, that cannot touch the real one."""

from tests.lab.namespace import Process
from tests.lab.network import LabNetwork
from tests.lab.node import Disk, LabNode

__all__ = ["Disk", "LabNetwork", "LabNode", "Process"]
