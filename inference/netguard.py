"""Which addresses may be called: one policy for inference URLs and for pictures fetched by URL.

http(s) only; private networks only where ALLOWED_PRIVATE_NETWORKS names them; metadata services never. The
address that was judged is the one that is connected to, so a name cannot change between the two.
"""

import ipaddress
import socket
from collections.abc import Iterable
from functools import cache

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254")
)
CARRIERS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))  # NAT64, IPv4-compatible


class BlockedAddress(OSError):
    """The address is not one this gateway may call."""


@cache
def allowed_networks() -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in settings.ALLOWED_PRIVATE_NETWORKS)


def is_allowed(address: Address) -> bool:
    plain = embedded(address) or address
    if plain in METADATA:
        return False
    if any(plain.version == network.version and plain in network for network in allowed_networks()):
        return True
    return plain.is_global and not plain.is_multicast


def embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address a packet ends up at, where an IPv6 address carries one."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if any(address in network for network in CARRIERS) and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def check_address(text: str) -> None:
    """Raises BlockedAddress where the policy says no."""
    try:
        address = ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError as error:
        raise BlockedAddress(f"{text} is no IP address") from error
    if not is_allowed(address):
        raise BlockedAddress(f"{text} is a private address; name its network in ALLOWED_PRIVATE_NETWORKS to allow it")


def check_literal(host: str) -> None:
    """Judges a host that is an IP address; names are judged when they are resolved.

    What only looks like one (127.1, 2130706433) is refused: the system would take it for an address, unjudged.
    """
    if ":" in host or host.replace(".", "").isdigit():
        check_address(host)


def resolve_allowed(host: str, port: int) -> list[str]:
    """The host's addresses, if all of them are allowed. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(info[4][0]) for info in found]
    check_all(addresses)
    return addresses


def check_all(addresses: Iterable[str]) -> None:
    for address in addresses:
        check_address(address)
