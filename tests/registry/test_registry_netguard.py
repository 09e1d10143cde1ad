"""Which addresses may be called."""

import socket
from ipaddress import ip_network
from typing import Any

import pytest

from inference import netguard
from inference.http import guarded_client, is_blocked
from inference.netguard import BlockedAddress, check_address, check_literal, resolve_allowed

BLOCKED = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - to be refused
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "168.63.129.16",
    "192.0.0.192",
    "::ffff:168.63.129.16",
    "::ffff:0:127.0.0.1",
    "::ffff:0:169.254.169.254",
    "::ffff:0:10.0.0.1",
    "64:ff9b::a83f:8110",
    "64:ff9b:1::127.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "64:ff9b:1:a9fe:a9:fe00::",  # after 48 bits
    "64:ff9b:1:a:0:1::",  # after 56 bits: 10.0.1.0
    "64:ff9b:1:0:a9:fea9:fe00:0",  # after 64 bits
    "64:ff9b:1::",
    "2002:a83f:8110::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:0:808:808:0:0:f7f7:f7f7",
    "fec0::1",
    "feff::1",
    "2001:db8::1",
    "not an address",
    "127.1",
    "2130706433",
    "0177.0.0.1",
]


@pytest.fixture(autouse=True)
def nothing_private_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netguard, "allowed_networks", tuple)


def allow(monkeypatch: pytest.MonkeyPatch, *networks: str) -> None:
    monkeypatch.setattr(netguard, "allowed_networks", lambda: tuple(ip_network(one) for one in networks))


@pytest.mark.parametrize("address", BLOCKED)
def test_private_and_special_addresses_are_blocked(address: str) -> None:
    with pytest.raises(BlockedAddress):
        check_address(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::8.8.8.8"],
)
def test_public_addresses_may_be_called(address: str) -> None:
    check_address(address)


def test_a_named_private_network_may_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, "10.1.0.0/16", "fd12::/16")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::5"):
        check_address(address)
    for address in ("10.2.0.1", "fd13::5", "::1"):
        with pytest.raises(BlockedAddress):
            check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
        "2002:a9fe:a9fe::1",
        "2001:0:808:808:0:0:5601:5601",  # Teredo, the client inverted
        "2001:0:a9fe:a9fe::",
    ],
)
def test_metadata_services_are_never_called(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    allow(monkeypatch, "0.0.0.0/0", "::/0")
    with pytest.raises(BlockedAddress):
        check_address(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "127.1", "2130706433", "017700000001", "１２７.0.0.1", "fe80::1%lo"]
)
def test_a_literal_host_is_judged_also_where_it_only_looks_like_an_address(host: str) -> None:
    with pytest.raises(BlockedAddress):
        check_literal(host)


@pytest.mark.parametrize("host", ["example.com", "8.8.8.8", "0x7f.1", "a1.b2", ""])
def test_names_are_judged_when_they_are_resolved(host: str) -> None:
    check_literal(host)


def resolving(*addresses: str) -> Any:
    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


def test_a_name_that_resolves_to_a_private_address_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving("8.8.8.8", "10.0.0.1"))
    with pytest.raises(BlockedAddress):
        resolve_allowed("rebinding.example", 80)
    monkeypatch.setattr(socket, "getaddrinfo", resolving("8.8.8.8"))
    assert resolve_allowed("good.example", 80) == ["8.8.8.8"]


def test_the_client_of_probes_and_pictures_refuses_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving("127.0.0.1"))
    with guarded_client(connect_s=1, read_s=1, total_s=1) as client:
        with pytest.raises(Exception, match="private address") as caught:
            client.get("http://innocent.example/")
        assert is_blocked(caught.value)
