"""httpx for everything off the hot path (probes, pictures), behind the address policy and one deadline."""

import ssl
import threading
import time
import typing
from concurrent.futures import Future

import httpcore
import httpx

from inference.netguard import BlockedAddress, resolve_allowed
from inference.tls import tls_context


class ReplyTooLarge(Exception):
    """More bytes than were asked for."""


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
            addresses = resolve_in_time(host, port, self.until)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception | None = None
        for address in addresses:
            try:
                left = time_left(self.until, timeout)
                inner = super().connect_tcp(address, port, left, local_address, socket_options)
                return DeadlineStream(inner, self.until)
            except httpcore.ConnectTimeout:
                raise  # one name with many silent addresses has one connect timeout
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")


def time_left(until: float, timeout: float | None) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ConnectTimeout("not connected in time")
    return left if timeout is None else min(left, timeout)


def resolve_in_time(host: str, port: int, until: float) -> list[str]:
    """The system's resolver knows no timeout: it works in a thread that is left behind when it takes too long."""
    left = time_left(until, None)
    found: Future[list[str]] = Future()

    def resolve() -> None:
        try:
            found.set_result(resolve_allowed(host, port))
        except Exception as error:  # carried over to the one who waits
            found.set_exception(error)

    threading.Thread(target=resolve, name="resolve", daemon=True).start()
    try:
        return found.result(left)
    except TimeoutError as error:
        raise httpcore.ConnectTimeout("the name was not resolved in time") from error


def guarded_client(*, connect_s: float, read_s: float, total_s: float, ca_certificates: str = "") -> httpx.Client:
    """Redirects are not followed, the environment's proxies not used, TLS always verified, as the gateway does it.

    Good for one exchange: everything on it ends `total_s` from now.
    """
    transport = httpx.HTTPTransport(verify=tls_context(ca_certificates), trust_env=False)
    pool = transport._pool
    assert isinstance(pool, httpcore.ConnectionPool)
    # httpx has no public way to pass one
    pool._network_backend = PinnedBackend(time.monotonic() + total_s)
    timeout = httpx.Timeout(read_s, connect=connect_s)
    plain = {"Accept-Encoding": "identity"}
    return httpx.Client(transport=transport, timeout=timeout, headers=plain, follow_redirects=False, trust_env=False)


def read_plain(response: httpx.Response, size_max: int) -> bytes:
    """The body as it was sent. Nothing is unpacked: a small reply could unpack to more than there is memory.

    Raises ReplyTooLarge, and httpx.DecodingError for a compressed reply, which nobody asked for.
    """
    encodings = response.headers.get("content-encoding", "").lower().split(",")
    if any(encoding.strip() not in {"", "identity"} for encoding in encodings):
        raise httpx.DecodingError("the reply is compressed, which was not asked for")
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > size_max:
            raise ReplyTooLarge
    return bytes(body)


def is_blocked(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BlockedAddress):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
