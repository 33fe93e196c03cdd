"""``bootstrap reset``: remove what this program made on the node, and nothing else.

    lock -> agent -> containers -> data -> files -> directories -> proof -> record of what was made

Invariant: what is removed is in the inventory or carries the agent's labels. The inventory goes last, and
only when nothing else is left, so a reset that was interrupted or failed can be run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from bootstrap.agent.names import POD_NAME, POD_NAMESPACE, POD_UID, instance_of, owned_by
from bootstrap.agent.volumes import remove_pod_directory
from bootstrap.apply import inventory
from bootstrap.apply.inventory import Inventory
from bootstrap.errors import BootstrapError
from bootstrap.host.lock import NodeLock
from bootstrap.model.layout import ETCD
from bootstrap.model.pod import decode_pod
from bootstrap.phases.context import Context
from bootstrap.phases.observation import connected
from bootstrap.render.documents import InvalidYamlError, load
from bootstrap.runtime.api import Container, ContainerRuntime

GRACE = 2
"""Seconds a component has to end; what it would save is about to be removed."""

_ETCD_MEMBER = "member"
"""What etcd makes in its data directory."""

REMINDERS = (
    "Not removed, because this program did not make it: CNI configuration (/etc/cni/net.d), rules of"
    " iptables, nftables and IPVS, images in the Docker Engine, and copies of admin.conf (~/.kube/config).",
)


class ResetIncompleteError(BootstrapError):
    """Something could not be removed; each line of the details is one of them."""


def run_reset(context: Context) -> None:
    """Remove everything; raises ResetIncompleteError with all that is left, NodeLockedError."""
    with NodeLock(context.files, context.layout.lock, "bootstrap reset"):
        made = inventory.load(context.files, context.layout)
        data = _etcd_data(context, made)
        running = [
            *_attempt(context, "Stopping the agent", lambda: _remove_agent(context)),
            *_attempt(context, "Removing containers", lambda: _remove_containers(context, made)),
        ]
        if running:
            # What may still run keeps its data and its files.
            raise _incomplete(running)
        left = [
            *_attempt(context, "Removing etcd's data", lambda: _remove_trees(context, data)),
            *_attempt(context, "Removing files", lambda: _remove_files(context, made)),
            *_leftovers(context, made, data),
        ]
        if left:
            raise _incomplete(left)
        context.files.remove_tree(context.layout.state)
        _remove_empty(context, made.directories)
        context.files.remove_tree(context.layout.run)
    context.reporter.info("Nothing of the control plane is left on this node.")
    for line in REMINDERS:
        context.reporter.info(line)


def _incomplete(left: list[str]) -> ResetIncompleteError:
    return ResetIncompleteError(
        "not everything could be removed",
        details=tuple(dict.fromkeys(left)),
        remedy="mend what is said above, then run again: bootstrap reset",
    )


def _attempt(context: Context, title: str, remove: Callable[[], Iterable[str]]) -> list[str]:
    """What could not be removed, as lines; the others are removed all the same."""
    try:
        with context.reporter.step(title):
            return list(remove())
    except BootstrapError as error:
        return [error.message, *error.details]


def _remove_agent(context: Context) -> Iterator[str]:
    context.agent_service.stop()
    context.agent_service.uninstall()
    yield from ()


def _containers(context: Context, made: Inventory, runtime: ContainerRuntime) -> Iterator[Container]:
    """Those of every node name the agent was started under: this command may be given another one."""
    for name in sorted(made.nodes | {context.control_plane.node_name}):
        yield from runtime.list(owned_by(name))


def _remove_containers(context: Context, made: Inventory) -> Iterator[str]:
    """Containers with the agent's labels, and what the agent kept for their pods.

    Directories go before the container that names them: its label is the only record of them.
    """
    with connected(context) as runtime:
        containers = tuple(_containers(context, made, runtime))
        for container in sorted(containers, key=lambda container: instance_of(container).is_sandbox):
            try:
                runtime.stop(container.id, GRACE)
                yield from _remove_pod_directories(context, container)
                for path in _log_links(context, container):
                    context.files.remove(path)
                runtime.remove(container.id)
            except BootstrapError as error:
                yield f"container {container.name}: {error.message}"


def _remove_pod_directories(context: Context, container: Container) -> Iterator[str]:
    labels, layout = container.labels, context.layout
    uid, name, namespace = (labels.get(key, "") for key in (POD_UID, POD_NAME, POD_NAMESPACE))
    if not (uid and name and namespace):
        return
    busy = remove_pod_directory(context.files.real(layout.pods / uid), context.processes)
    if busy:
        yield f"{busy} is still in use (findmnt {busy})"
    context.files.remove_tree(layout.pod_logs / f"{namespace}_{name}_{uid}")


def _log_links(context: Context, container: Container) -> Iterator[PurePosixPath]:
    """Links in /var/log/containers begin with the pod's name, which has the node's in it.

    So those of containers that went before are found, too.
    """
    directory = context.layout.container_logs
    prefix = f"{container.labels.get(POD_NAME, '')}_{container.labels.get(POD_NAMESPACE, '')}_"
    for name in context.files.list_names(directory):
        if name.endswith(f"-{container.id}.log") or (len(prefix) > 2 and name.startswith(prefix)):
            yield directory / name


def _etcd_data(context: Context, made: Inventory) -> tuple[PurePosixPath, ...]:
    """The trees that are etcd's: its data directory where we made it, else what etcd made in it.

    The directory is read from the manifest that is there, because this command may have been given another
    configuration.
    """
    layout = context.layout
    if layout.manifest(ETCD) not in made.files:
        return ()
    directory = _manifest_data_directory(context) or layout.etcd_data
    return (directory,) if directory in made.directories else (directory / _ETCD_MEMBER,)


def _manifest_data_directory(context: Context) -> PurePosixPath | None:
    try:
        pod = decode_pod(load(context.files.read_text(context.layout.manifest(ETCD)))).pod
    except (FileNotFoundError, InvalidYamlError, BootstrapError):
        return None
    for volume in pod.spec.volumes:
        if volume.name == "etcd-data" and volume.host_path is not None:
            return PurePosixPath(volume.host_path.path)
    return None


def _remove_trees(context: Context, trees: tuple[PurePosixPath, ...]) -> Iterator[str]:
    for tree in trees:
        context.files.remove_tree(tree)
    yield from ()


def _remove_files(context: Context, made: Inventory) -> Iterator[str]:
    """Also the temporary files that a killed writer left beside them."""
    for path in sorted(made.files):
        try:
            context.files.remove(path)
            context.files.sweep(path.parent)
        except BootstrapError as error:
            yield error.message
    _remove_empty(context, made.directories)


def _remove_empty(context: Context, directories: Iterable[PurePosixPath]) -> None:
    """Those of the directories we made that nobody else has put anything into; deepest first."""
    for path in sorted(directories, key=lambda path: len(path.parts), reverse=True):
        if context.files.is_directory(path) and not context.files.list_names(path):
            context.files.remove_tree(path)


def _leftovers(context: Context, made: Inventory, data: tuple[PurePosixPath, ...]) -> Iterator[str]:
    """Proof: look again at everything that should be gone."""
    for path in sorted({*made.files, *data}):
        if context.files.exists(path):
            yield f"{path} is still there"
    if context.agent_service.is_running():
        yield "the agent still runs"
    try:
        with connected(context) as runtime:
            for container in _containers(context, made, runtime):
                yield f"container {container.name} is still there"
    except BootstrapError as error:
        yield f"cannot tell whether containers are left: {error.message}"
