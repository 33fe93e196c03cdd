from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from bootstrap.host.network import SystemNetwork

ROUTE_HEADER = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ADDRESSES = {"eth0": "192.0.2.10", "wlan0": "198.51.100.7", "lo": "127.0.0.1"}


def network(proc: Path, **files: str) -> SystemNetwork:
    (proc / "net").mkdir()
    for name, text in files.items():
        (proc / "net" / name).write_text(text)
    return SystemNetwork(proc, lambda interface: ADDRESSES.get(interface, ""))


def route(interface: str, metric: int, flags: str = "0003", destination: str = "00000000") -> str:
    return f"{interface}\t{destination}\t010200C0\t{flags}\t0\t0\t{metric}\t00000000\t0\t0\t0\n"


def test_the_default_address_is_that_of_the_preferred_default_route(tmp_path: Path) -> None:
    table = ROUTE_HEADER + route("wlan0", 600) + route("eth0", 100) + route("lo", 0, destination="0002A8C0")
    assert network(tmp_path, route=table).default_address() == "192.0.2.10"


def test_a_rejecting_default_route_is_none(tmp_path: Path) -> None:
    assert network(tmp_path, route=ROUTE_HEADER + route("eth0", 0, flags="0203")).default_address() == ""


def test_a_machine_with_only_ipv6_has_the_address_of_its_default_route(tmp_path: Path) -> None:
    zero = "0" * 32
    routes = (
        f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
        f"{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"
    )
    addresses = (
        "fe80000000000000000000fffe000001 02 40 20 80     eth0\n"
        "20010db8000000000000000000000010 02 40 00 80     eth0\n"
    )
    found = network(tmp_path, route=ROUTE_HEADER, ipv6_route=routes, if_inet6=addresses)
    assert found.default_address() == "2001:db8::10"


def test_all_addresses_of_both_families_are_found_once(tmp_path: Path) -> None:
    trie = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
        |-- 192.0.2.10
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
Local:
        |-- 192.0.2.10
           /32 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
"""
    loopback = "00000000000000000000000000000001 01 80 10 80       lo\n"
    found = network(tmp_path, fib_trie=trie, if_inet6=loopback).local_addresses()
    assert found == ("127.0.0.1", "192.0.2.10", "::1")


def test_who_listens_on_a_port_is_found_over_both_families(tmp_path: Path) -> None:
    head = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    )
    tcp = head + (
        "   0: 0100007F:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n"
        "   1: 0100007F:192B 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n"
    )
    tcp6 = head + (
        "   0: 00000000000000000000000000000000:192B 00000000000000000000000000000000:0000 0A"
        " 00000000:00000000 00:00000000 00000000     0        0 4713 1\n"
    )
    for pid, program, inode in (("12", "nginx", "4711"), ("13", "other", "99")):
        (tmp_path / pid / "fd").mkdir(parents=True)
        (tmp_path / pid / "comm").write_text(f"{program}\n")
        os.symlink(f"socket:[{inode}]", tmp_path / pid / "fd" / "3")
    listeners = network(tmp_path, tcp=tcp, tcp6=tcp6).listeners(6443)
    assert [(one.address, one.pid, one.program) for one in listeners] == [
        ("127.0.0.1", 12, "nginx"),
        ("::", 0, ""),
    ]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_this_very_process_is_found_to_listen(family: socket.AddressFamily) -> None:
    with socket.socket(family) as server:
        server.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        server.listen()
        port = server.getsockname()[1]
        (listener,) = SystemNetwork().listeners(port)
    assert (listener.port, listener.pid) == (port, os.getpid())
    assert SystemNetwork().listeners(port) == ()
