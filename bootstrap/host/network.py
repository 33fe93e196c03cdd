"""Addresses and ports of the machine. Invariant: all is read from the kernel at the moment of asking."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_SIOCGIFADDR = 0x8915
_RTF_UP = 0x1
_RTF_REJECT = 0x200
_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Listener:
    """A program that listens on a TCP port; ``pid`` 0 and ``program`` "" when it cannot be told."""

    address: str
    port: int
    pid: int = 0
    program: str = ""


class Network(Protocol):
    """What the machine's network looks like."""

    def default_address(self) -> str:
        """The address of the interface that has the default route (IPv4 first); "" when there is none."""

    def local_addresses(self) -> tuple[str, ...]:
        """Every address of every interface, loopback included."""

    def listeners(self, *ports: int) -> tuple[Listener, ...]:
        """Who listens on these TCP ports, over both families; the kernel is asked once for all."""


def interface_address(interface: str) -> str:
    """The first IPv4 address of an interface; "" when it has none."""
    request = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            reply = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
        except OSError:
            return ""
    return socket.inet_ntoa(reply[20:24])


class SystemNetwork:
    """Reads proc(5); ``proc`` is where it is mounted, ``address_of`` an interface's first IPv4 address."""

    def __init__(
        self, proc: Path = Path("/proc"), address_of: Callable[[str], str] = interface_address
    ) -> None:
        self._proc = proc
        self._address_of = address_of

    def default_address(self) -> str:
        for interface in self._default_interfaces_v4():
            address = self._address_of(interface)
            if address and _is_usable(address):
                return address
        for interface in self._default_interfaces_v6():
            for address, of in self._addresses_v6():
                if of == interface and _is_usable(address):
                    return address
        return ""

    def local_addresses(self) -> tuple[str, ...]:
        found = [*self._addresses_v4(), *(address for address, _interface in self._addresses_v6())]
        return tuple(sorted(set(found), key=lambda text: (":" in text, text)))

    def listeners(self, *ports: int) -> tuple[Listener, ...]:
        sockets = {
            inode: (address, port)
            for table in ("tcp", "tcp6")
            for address, port, inode in self._listening(table)
            if port in ports
        }
        if not sockets:
            return ()
        owners = self._owners(frozenset(sockets))
        return tuple(
            Listener(address, port, *owners.get(inode, (0, ""))) for inode, (address, port) in sockets.items()
        )

    def _default_interfaces_v4(self) -> list[str]:
        """Interfaces with a default route, the preferred one first."""
        routes = []
        for row in self._rows("net/route", skip=1):
            name, destination, flags, metric, mask = row[0], row[1], int(row[3], 16), int(row[6]), row[7]
            if destination == mask == "00000000" and flags & _RTF_UP and not flags & _RTF_REJECT:
                routes.append((metric, name))
        return [name for _metric, name in sorted(routes)]

    def _default_interfaces_v6(self) -> list[str]:
        routes = []
        for row in self._rows("net/ipv6_route"):
            destination, length, metric, flags, name = row[0], row[1], row[5], int(row[8], 16), row[9]
            if int(destination, 16) == 0 and length == "00" and not flags & _RTF_REJECT and name != "lo":
                routes.append((int(metric, 16), name))
        return [name for _metric, name in sorted(routes)]

    def _addresses_v4(self) -> Iterator[str]:
        """The leaves of the routing trie that are local to this machine."""
        leaf = ""
        for row in self._rows("net/fib_trie"):
            if row[0] == "|--":
                leaf = row[1]
            elif row[:3] == ["/32", "host", "LOCAL"]:
                yield leaf

    def _addresses_v6(self) -> Iterator[tuple[str, str]]:
        """(address, interface)"""
        for row in self._rows("net/if_inet6"):
            yield str(ipaddress.IPv6Address(int(row[0], 16))), row[5]

    def _listening(self, table: str) -> Iterator[tuple[str, int, str]]:
        """(address, port, inode) of every listening socket."""
        for row in self._rows(f"net/{table}", skip=1):
            if row[3] == _LISTEN:
                address, _, port = row[1].partition(":")
                yield _kernel_address(address), int(port, 16), row[9]

    def _owners(self, inodes: frozenset[str]) -> dict[str, tuple[int, str]]:
        """inode -> (pid, program), as far as this user may look."""
        wanted = {f"socket:[{inode}]": inode for inode in inodes}
        found: dict[str, tuple[int, str]] = {}
        for process in self._proc.iterdir():
            if not process.name.isdigit():
                continue
            for link in _links(process / "fd"):
                if link in wanted:
                    found.setdefault(wanted[link], (int(process.name), _program(process)))
            if len(found) == len(inodes):
                break
        return found

    def _rows(self, name: str, skip: int = 0) -> Iterator[list[str]]:
        try:
            lines = (self._proc / name).read_text().splitlines()
        except OSError:
            return
        yield from (fields for line in lines[skip:] if (fields := line.split()))


def _is_usable(address: str) -> bool:
    """Whether others may reach it, private ranges included (Go's net.IP.IsGlobalUnicast)."""
    value = ipaddress.ip_address(address)
    return not (value.is_loopback or value.is_link_local or value.is_multicast or value.is_unspecified)


def _kernel_address(text: str) -> str:
    """An address as /proc/net/tcp writes it: 32-bit words, each in the machine's byte order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))


def _links(directory: Path) -> Iterator[str]:
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(directory / name)
        except OSError:
            continue


def _program(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""
