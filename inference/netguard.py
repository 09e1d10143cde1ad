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
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # AWS, containers
        "169.254.170.23",  # AWS, pods
        "169.254.0.23",  # Tencent
        "169.254.42.42",  # Scaleway
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS, pods
        "fd20:ce::254",  # Google
        "fd00:42::42",  # Scaleway
    )
)
CARRIERS = (  # of an IPv4 address in the last 32 bits
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated
)
LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")


class BlockedAddress(OSError):
    """The address is not one this gateway may call."""


@cache
def allowed_networks() -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in settings.ALLOWED_PRIVATE_NETWORKS)


def is_allowed(address: Address) -> bool:
    return all(is_allowed_end(end) for end in ends(address))


def is_allowed_end(address: Address) -> bool:
    if address in METADATA:
        return False
    if any(address.version == network.version and address in network for network in allowed_networks()):
        return True
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not address.is_multicast


def ends(address: Address) -> list[Address]:
    """Where a packet may end up: the IPv4 addresses that an IPv6 address carries, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if any(address in network for network in CARRIERS) and int(address) > 1:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address in LOCAL_NAT64:
        return local_nat64_ends(address.packed)
    if address.teredo:
        return [address, *address.teredo]
    return [address.ipv4_mapped or address.sixtofour or address]


def local_nat64_ends(packed: bytes) -> list[Address]:
    """RFC 6052 2.2: the prefix may have 48, 56, 64 or 96 bits, and only its owner knows; octet 8 is skipped."""
    places = (packed[6:8] + packed[9:11], packed[7:8] + packed[9:12], packed[9:13], packed[12:16])
    found = [ipaddress.IPv4Address(place) for place in places]
    # A place that reads 0.x.x.x is another prefix's padding, unless there is nothing else.
    return [one for one in found if one not in THIS_NETWORK] or [found[-1]]


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
