"""``bootstrap agent``: run it in the foreground, ask a running one, read its log."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from bootstrap.model.layout import KUBELET_PORT, Layout

if TYPE_CHECKING:
    from bootstrap.cli.main import GlobalOptions
    from bootstrap.host.agentservice import AgentService

LAYOUT = Layout()
HEALTHZ_PORT = 10248
DEFAULT_PAUSE_IMAGE = "registry.k8s.io/pause:3.10.2"

EPILOG = """\b
Examples:
  bootstrap agent status              what runs, and why something does not
  bootstrap agent status -w           the same, again whenever it changes
  bootstrap agent status -o json      the same, for programs
  bootstrap agent events web -w       what happens to one pod, as it happens
  bootstrap agent logs -f             what it does
  bootstrap agent run                 run it here, until Ctrl-C; the pods stay
"""


def _bytes(_ctx: click.Context, _parameter: click.Parameter, text: str) -> int:
    """A quantity of the command line."""
    from bootstrap.model.quantity import whole

    try:
        return whole(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 10Mi, for example") from error


@click.group(epilog=EPILOG)
def agent() -> None:
    """Run static pods from a directory of manifests, without a kubelet."""


@agent.command("run")
@click.option(
    "--manifests",
    default=str(LAYOUT.manifests),
    show_default=True,
    metavar="PATH",
    help="A directory of manifests, or a single one; empty for none.",
)
@click.option("--manifest-url", default="", metavar="URL", help="Has a Pod or a PodList, too.")
@click.option(
    "--manifest-url-header",
    multiple=True,
    metavar="NAME:VALUE",
    help="Sent to --manifest-url; may be repeated. Others on the machine can read it: see the next option.",
)
@click.option(
    "--manifest-url-header-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="More headers, one on each line: for what is secret. Read anew each time.",
)
@click.option("--http-check-frequency", default="20s", show_default=True, metavar="DURATION")
@click.option(
    "--socket", default=str(LAYOUT.agent_socket), show_default=True, help="Where it tells its status."
)
@click.option(
    "--node-name", default="", metavar="NAME", help="Suffix of the pod names [default: the host name]"
)
@click.option("--docker-socket", default=str(LAYOUT.docker_socket), show_default=True)
@click.option("--root-dir", default=str(LAYOUT.state), show_default=True, help="Keeps what belongs to pods.")
@click.option("--healthz-port", default=HEALTHZ_PORT, show_default=True, help="On 127.0.0.1; 0 for none.")
@click.option("--file-check-frequency", default="20s", show_default=True, metavar="DURATION")
@click.option(
    "--image-gc-high-threshold",
    default=85,
    show_default=True,
    type=click.IntRange(0, 100),
    help="Percent of the engine's disk from which on images are removed that the agent pulled; 100: never.",
)
@click.option(
    "--image-gc-low-threshold",
    default=80,
    show_default=True,
    type=click.IntRange(0, 100),
    help="Until so much is in use.",
)
@click.option(
    "--log-dir",
    default=str(LAYOUT.pod_logs.parent),
    show_default=True,
    help="Gets links to the containers' logs, in pods/ and containers/; empty for none.",
)
@click.option(
    "--container-log-max-size",
    default="10Mi",
    show_default=True,
    callback=_bytes,
    help="0: the engine's own settings.",
)
@click.option("--container-log-max-files", default=5, show_default=True, type=click.IntRange(1))
@click.option("--pause-image", default=DEFAULT_PAUSE_IMAGE, show_default=True)
@click.option(
    "--cluster-dns", default="", metavar="IP,...", help="DNS servers of pods that ask for the cluster's."
)
@click.option("--cluster-domain", default="cluster.local", show_default=True)
@click.option(
    "--allowed-unsafe-sysctls", default="", metavar="NAME,...", help="A name may end with *, as kernel.msg*."
)
@click.option(
    "--port", default=KUBELET_PORT, show_default=True, help="Answers as a kubelet does; 0 for none."
)
@click.option("--address", default="0.0.0.0", show_default=True, help="Where --port listens.")
@click.option(
    "--tls-cert-file", default="", metavar="FILE", help="What --port serves with; none: not served."
)
@click.option("--tls-private-key-file", default="", metavar="FILE", help="[default: in --tls-cert-file]")
@click.option(
    "--client-ca-file", default="", metavar="FILE", help="Whose clients may ask; none: bearer tokens only."
)
@click.option(
    "--kubeconfig", default="", metavar="FILE", help="The node's identity; asked who else may ask on --port."
)
@click.option(
    "--renew-certificates",
    type=bool,
    help="Renew the node's certificates in time, but for authorities [default: with --client-ca-file].",
)
@click.option(
    "--register-node",
    type=bool,
    help="Keep a Node, its lease and mirror pods in the API [default: with --kubeconfig]",
)
@click.option("--node-labels", default="", metavar="K=V,...", help="Labels of the Node.")
@click.option("--node-ip", default="", metavar="IP", help="Its address [default: of the default route]")
@click.option(
    "--register-with-taints", default="", metavar="K=V:EFFECT,...", help="Taints of a Node that is new."
)
def run(
    manifests: str,
    manifest_url: str,
    manifest_url_header: tuple[str, ...],
    manifest_url_header_file: Path | None,
    http_check_frequency: str,
    socket: str,
    node_name: str,
    docker_socket: str,
    root_dir: str,
    healthz_port: int,
    file_check_frequency: str,
    image_gc_high_threshold: int,
    image_gc_low_threshold: int,
    log_dir: str,
    container_log_max_size: int,
    container_log_max_files: int,
    pause_image: str,
    cluster_dns: str,
    cluster_domain: str,
    allowed_unsafe_sysctls: str,
    port: int,
    address: str,
    tls_cert_file: str,
    tls_private_key_file: str,
    client_ca_file: str,
    kubeconfig: str,
    renew_certificates: bool | None,
    register_node: bool | None,
    node_labels: str,
    node_ip: str,
    register_with_taints: str,
) -> None:
    """Run the agent in the foreground. SIGTERM stops the agent, not the pods."""
    from bootstrap.agent import manifesturl
    from bootstrap.agent.imagecollector import Thresholds
    from bootstrap.cli.agentapi import node_address, registering
    from bootstrap.cli.agentrenewal import renewal
    from bootstrap.cli.agentrun import Settings, run_agent
    from bootstrap.cli.agentserving import Serving
    from bootstrap.model.duration import duration_seconds
    from bootstrap.model.nodelabels import parse_labels

    url = None
    if manifest_url:
        period = duration_seconds(http_check_frequency)
        url = manifesturl.manifest_url(manifest_url, manifest_url_header, manifest_url_header_file, period)
    serves = bool(port and tls_cert_file)
    run_agent(
        Settings(
            manifests=Path(manifests).absolute() if manifests else None,
            url=url,
            socket=Path(socket) if socket else None,
            node_name=node_name or os.uname().nodename,
            docker_socket=docker_socket,
            root=Path(root_dir),
            healthz_port=healthz_port,
            relist_seconds=duration_seconds(file_check_frequency),
            pause_image=pause_image,
            cluster_dns=tuple(filter(None, cluster_dns.split(","))),
            cluster_domain=cluster_domain,
            allowed_unsafe_sysctls=tuple(filter(None, allowed_unsafe_sysctls.split(","))),
            node_address=node_address(node_ip) if node_ip else "",
            node_labels=parse_labels(node_labels),
            registering=registering(
                kubeconfig, register_node, node_labels, register_with_taints, port if serves else 0
            ),
            renewal=renewal(renew_certificates, client_ca_file, kubeconfig, tls_cert_file),
            image_thresholds=Thresholds(image_gc_high_threshold, image_gc_low_threshold),
            logs=Path(log_dir).absolute() if log_dir else None,
            log_max_size=container_log_max_size,
            log_max_files=container_log_max_files,
            serving=Serving(
                port=port if serves else 0,
                address=address,
                certificate=Path(tls_cert_file),
                key=Path(tls_private_key_file or tls_cert_file),
                client_ca=Path(client_ca_file) if client_ca_file else None,
                kubeconfig=Path(kubeconfig) if kubeconfig else None,
            ),
        )
    )


@agent.command("status")
@click.option("-w", "--watch", is_flag=True, help="Show it again whenever it changes.")
@click.option("--socket", default=str(LAYOUT.agent_socket), show_default=True)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
@click.pass_obj
def status(options: GlobalOptions | None, watch: bool, socket: str, output: str) -> None:
    """Show every pod, and why one does not run."""
    from bootstrap.cli.agentstatus import print_status, show_status

    if output == "json":
        print_status(Path(socket), watch=watch)
    else:
        show_status(Path(socket), color=options is None or options.color, watch=watch)


@agent.command("events")
@click.argument("pod", default="")
@click.option("-w", "--watch", is_flag=True, help="Wait for more.")
@click.option("--socket", default=str(LAYOUT.agent_socket), show_default=True)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def events(pod: str, watch: bool, socket: str, output: str) -> None:
    """Show what happened to the pods, or to POD (with or without the node's name at its end)."""
    from bootstrap.cli.agentevents import show_events

    show_events(Path(socket), pod, watch=watch, output=output)


@agent.command("logs")
@click.option("-n", "--lines", default=100, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Wait for more.")
def logs(lines: int, follow: bool) -> None:
    """Show what the agent logged: from the journal, or from its log file."""
    from bootstrap.host.process import SystemProcesses

    service = _service()
    if not follow:
        log = service.recent_log(lines)
        click.echo(log or "The agent has logged nothing on this machine.", err=not log)
        return
    if service.manager == "systemd":
        unit = PurePosixPath(LAYOUT.agent_unit).name
        argv = ["journalctl", "--follow", f"--lines={lines}", f"--unit={unit}"]
    else:
        argv = ["tail", "-F", f"--lines={lines}", str(LAYOUT.agent_log)]
    SystemProcesses().stream(argv, click.echo)


def _service() -> AgentService:
    from bootstrap.host.clock import SystemClock
    from bootstrap.host.files import Files
    from bootstrap.host.http import SystemHttp
    from bootstrap.host.process import SystemProcesses
    from bootstrap.host.services import choose_service

    return choose_service(
        Files(Path("/")), LAYOUT, SystemProcesses(), SystemHttp(), SystemClock(), healthz_port=HEALTHZ_PORT
    )
