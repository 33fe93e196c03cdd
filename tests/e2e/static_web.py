"""The pod of Kubernetes' walkthrough of static pods, by file and by URL, as a person with kubectl sees it."""

from __future__ import annotations

import json

from tests.e2e.control_plane import ControlPlane, Json, wait_until
from tests.lab import LabNode
from tests.lab.namespace import Process

MANIFESTS = "/etc/kubernetes/manifests"
NAME = "static-web"
SOON = 15.0
"""Seconds; a machine that is busy with other tests needs some."""

URL_PORT = 8099
SERVED, HEADERS, TOKEN = "/run/served.json", "/run/headers", "a-secret-of-the-test"
"""The document, and what has to be sent to get it."""

LABELS = {"tests.podstrap/zone": "a", "node.kubernetes.io/rack": "7"}
SETTINGS = f"""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  kubeletExtraArgs:
  - name: node-labels
    value: {",".join(f"{key}={value}" for key, value in LABELS.items())}
---
apiVersion: bootstrap/v1alpha1
kind: BootstrapConfiguration
agent:
  manifestURL: http://127.0.0.1:{URL_PORT}/pods
  manifestURLHeaderFile: {HEADERS}
  httpCheckFrequency: 200ms
"""
SERVER = """
import http.server, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        knows = self.headers["X-Token"] == sys.argv[3]
        body = pathlib.Path(sys.argv[2]).read_bytes() if knows else b""
        self.send_response(200 if knows else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("serving", flush=True)
server.serve_forever()
"""


class StaticWeb:
    """The walkthrough's pod, by file."""

    def __init__(self, cluster: ControlPlane) -> None:
        self.cluster = cluster
        self.node = cluster.node
        self.mirror_name = f"{NAME}-{self.node.name}"
        form = "{{.Repository}}:{{.Tag}}"
        self.image = self.node.docker("images", "--format", form, "podstrap.test/probe-target").split()[0]

    def manifest(self, **changes: Json) -> Json:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": NAME, "labels": {"app": "static"}, **changes.get("metadata", {})},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": self.image,
                        "args": ["print:here", "serve:80", "forever"],
                        "ports": [{"name": "web", "containerPort": 80, "protocol": "TCP"}],
                        "readinessProbe": {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 1},
                        **changes.get("container", {}),
                    }
                ],
                **changes.get("spec", {}),
            },
        }

    def write(self, **changes: Json) -> None:
        self.node.path(f"{MANIFESTS}/{NAME}.yaml").write_text(json.dumps(self.manifest(**changes)))

    def take_away(self) -> None:
        self.node.run(["mv", f"{MANIFESTS}/{NAME}.yaml", f"/run/{NAME}.yaml"])

    def put_back(self) -> None:
        self.node.run(["mv", f"/run/{NAME}.yaml", f"{MANIFESTS}/{NAME}.yaml"])

    def end(self) -> None:
        self.node.path(f"{MANIFESTS}/{NAME}.yaml").unlink(missing_ok=True)

    def container(self) -> str:
        """The name of the running container, "" for none."""
        label = "label=io.kubernetes.container.name=web"
        return self.node.docker("ps", "--filter", label, "--format", "{{.Names}}").strip()

    def mirror(self) -> Json | None:
        found = self.node.run(
            ["kubectl", "get", "pod", self.mirror_name, "--output=json", "--ignore-not-found"], check=True
        ).stdout
        return json.loads(found) if found.strip() else None

    def is_shown_running(self) -> bool:
        listed = self.cluster.kubectl("get", "pods", "--no-headers", "--selector=app=static").split()
        return listed[:3] == [self.mirror_name, "1/1", "Running"]

    def wait_shown(self) -> Json:
        wait_until(self.is_shown_running, f"{self.mirror_name} is 1/1 Running", SOON)
        found = self.mirror()
        assert found is not None
        return found

    def is_gone(self) -> bool:
        return self.mirror() is None and self.container() == ""


class StaticWebByUrl(StaticWeb):
    """The same, in the document that ``start_server`` serves."""

    def write(self, **changes: Json) -> None:
        serve(self.node, self.manifest(**changes))

    def take_away(self) -> None:
        serve(self.node)

    def put_back(self) -> None:
        self.write()

    def end(self) -> None:
        serve(self.node)


def serve(node: LabNode, *pods: Json) -> None:
    """From now on the URL answers with these pods."""
    partial = node.path(f"{SERVED}.partial")
    partial.write_text(json.dumps({"apiVersion": "v1", "kind": "PodList", "items": pods}))
    partial.rename(node.path(SERVED))


def start_server(node: LabNode) -> Process:
    """Serves no pod yet, to who knows the token; it is in a file that only root may read."""
    serve(node)
    server = node.start(["python3", "-c", SERVER, str(URL_PORT), SERVED, TOKEN])
    assert server.stdout.readline() == b"serving\n"
    headers = node.path(HEADERS)
    headers.touch(0o600)
    headers.write_text(f"X-Token: {TOKEN}\n")
    return server
