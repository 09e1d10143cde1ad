"""The one transport of the hot path: aiohttp behind a single method, its errors translated once, here."""

import socket
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from inference.gateway.errors import UpstreamFailure
from inference.netguard import BlockedAddress, check_all

READ_BYTES_MAX = 64 * 1024 * 1024
IDLE_CONNECTION_S = 15  # a server that closes an idle connection just as we use it costs a call


class UpstreamRequest(NamedTuple):
    url: str
    headers: Mapping[str, str]
    body: bytes
    tls: ssl.SSLContext | None = None  # None: the system's roots


class UpstreamResponse(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    async def read(self, size_max: int = READ_BYTES_MAX) -> bytes:
        """The whole body. Raises UpstreamFailure, also for a larger one."""

    async def read_some(self) -> bytes:
        """What has arrived, or what arrives next; b"" at the end. Raises UpstreamFailure."""

    def close(self) -> None:
        """Ends the exchange at once; the connection of an unfinished answer is closed, not reused."""


class Transport(Protocol):
    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Answers when the response's headers are there. Raises UpstreamFailure."""


class AiohttpResponse:
    __slots__ = ("response",)

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    async def read(self, size_max: int = READ_BYTES_MAX) -> bytes:
        with translated:
            body = await self.response.content.read(size_max)
            if self.response.content.at_eof():
                return body
            return await self.read_rest(body, size_max)

    async def read_rest(self, body: bytes, size_max: int) -> bytes:
        pieces, size = [body], len(body)
        async for piece in self.response.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > size_max:
                raise UpstreamFailure("upstream_error", "The upstream's reply is too large.")
        return b"".join(pieces)

    async def read_some(self) -> bytes:
        with translated:
            return await self.response.content.readany()

    def close(self) -> None:
        self.response.close()


class AiohttpTransport:
    """Start inside the event loop, close at its end. No redirects, no cookies, no proxies of the environment."""

    def __init__(self, connect_timeout_s: float) -> None:
        connector = aiohttp.TCPConnector(
            limit=0, resolver=GuardedResolver(), ttl_dns_cache=10, keepalive_timeout=IDLE_CONNECTION_S
        )
        self.session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout_s),
            auto_decompress=True,
            trust_env=False,
            # identity: a compressed event stream would arrive in clumps
            headers={"User-Agent": "model-console", "Accept-Encoding": "identity"},
        )

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        with translated:
            response = await self.session.request(
                "POST",
                URL(request.url, encoded=True),
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                ssl=request.tls or True,  # connections are kept apart by it
            )
        return AiohttpResponse(response)

    async def close(self) -> None:
        await self.session.close()


class GuardedResolver(AbstractResolver):
    """Judges what a name resolves to; the connection is made to just these addresses."""

    def __init__(self) -> None:
        self.inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self.inner.resolve(host, port, family)
        check_all(result["host"] for result in found)
        return found

    async def close(self) -> None:
        await self.inner.close()


class Translated:
    """aiohttp's errors as ours, around each wait. Messages carry no address: callers read them."""

    __slots__ = ()

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, aiohttp.ClientError | OSError | ValueError):
            raise translation(error) from error


translated = Translated()


def translation(error: Exception) -> UpstreamFailure:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return UpstreamFailure("upstream_error", "The upstream's TLS certificate is not valid.")
        case aiohttp.ClientSSLError():
            return UpstreamFailure("upstream_error", "The TLS handshake with the upstream failed.")
        case aiohttp.ConnectionTimeoutError():
            return UpstreamFailure("upstream_timeout", "Connecting to the upstream took too long.")
        case aiohttp.ClientConnectorError():
            return UpstreamFailure("upstream_error", unreachable(error))
        case TimeoutError():
            return UpstreamFailure("upstream_timeout", "The upstream took too long.")
        case _:
            return UpstreamFailure("upstream_error", "The upstream broke off the connection.")


def unreachable(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error.os_error, BlockedAddress):
        return "The upstream's address is not one this gateway may call."
    return "The upstream could not be reached."
