"""httpx for everything off the hot path (probes, pictures), behind the address policy."""

import typing

import httpcore
import httpx

from inference.netguard import BlockedAddress, resolve_allowed


class PinnedBackend(httpcore.SyncBackend):
    """Resolves, judges, and connects to the very address that was judged. TLS still checks the name."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: typing.Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = resolve_allowed(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception | None = None
        for address in addresses:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")


def guarded_client(*, connect_s: float, read_s: float) -> httpx.Client:
    """Redirects are not followed, the environment's proxies not used, TLS always verified."""
    transport = httpx.HTTPTransport(trust_env=False)
    pool = transport._pool
    assert isinstance(pool, httpcore.ConnectionPool)
    pool._network_backend = PinnedBackend()  # httpx has no public way to pass one
    timeout = httpx.Timeout(read_s, connect=connect_s)
    return httpx.Client(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)


def is_blocked(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BlockedAddress):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
