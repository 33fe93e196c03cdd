"""The certificate that a port of a node shows."""

from __future__ import annotations

from tests.lab import LabNode

_SERIAL = """
import socket, ssl, sys
from cryptography import x509
context = ssl._create_unverified_context()
client = "/etc/kubernetes/pki/etcd/healthcheck-client"
context.load_cert_chain(f"{client}.crt", f"{client}.key")
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain, context.wrap_socket(plain) as tls:
    print(x509.load_der_x509_certificate(tls.getpeercert(binary_form=True)).serial_number)
"""


def serial(node: LabNode, port: int) -> str:
    """The serial number of what is shown to whoever connects now."""
    return node.run(["python3", "-c", _SERIAL, str(port)]).stdout
