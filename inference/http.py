"""httpx for everything off the hot path (probes, pictures), behind the address policy and one deadline."""

import ssl
import time
import typing

import httpcore
import httpx

from inference.netguard import BlockedAddress, resolve_allowed


class DeadlineStream(httpcore.NetworkStream):
    """No wait goes past `until`: a server that trickles its answer, headers too, cannot keep a thread."""

    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self.inner = inner
        self.until = until

    def left(self, timeout: float | None) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("not finished in time")
        return left if timeout is None else min(left, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, self.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, self.left(timeout))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return DeadlineStream(self.inner.start_tls(ssl_context, server_hostname, self.left(timeout)), self.until)

    def get_extra_info(self, info: str) -> typing.Any:
        return self.inner.get_extra_info(info)


class PinnedBackend(httpcore.SyncBackend):
    """Resolves, judges, and connects to the very address that was judged. TLS still checks the name."""

    def __init__(self, until: float) -> None:
        self.until = until

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
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception | None = None
        for address in addresses:
            try:
                inner = super().connect_tcp(address, port, timeout, local_address, socket_options)
                return DeadlineStream(inner, self.until)
            except httpcore.ConnectTimeout:
                raise  # one name with many silent addresses has one connect timeout
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")


def guarded_client(*, connect_s: float, read_s: float, total_s: float) -> httpx.Client:
    """Redirects are not followed, the environment's proxies not used, TLS always verified.

    Good for one exchange: everything on it ends `total_s` from now.
    """
    transport = httpx.HTTPTransport(trust_env=False)
    pool = transport._pool
    assert isinstance(pool, httpcore.ConnectionPool)
    # httpx has no public way to pass one
    pool._network_backend = PinnedBackend(time.monotonic() + total_s)
    timeout = httpx.Timeout(read_s, connect=connect_s)
    return httpx.Client(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)


def is_blocked(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BlockedAddress):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
