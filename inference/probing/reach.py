"""The stages of a probe that reach an upstream, before a word of HTTP: 解析 连接 TLS."""

import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

import httpcore
from django.utils import timezone

from inference.http import resolve_in_time
from inference.netguard import METADATA, BlockedAddress
from inference.probing.report import Failure, Stage, StageFailed, Walk
from inference.tls import tls_context
from models_registry.certificates import UNREADABLE

CONNECT_S = 5.0


def resolve(walk: Walk, stage: Stage) -> None:
    try:
        parts = urlsplit(walk.report.url)
        walk.port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise StageFailed(Failure(str(error), code="no_url")) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise StageFailed(Failure("this is no http(s) URL", code="no_url"))
    walk.host = parts.hostname
    try:
        found = resolve_in_time(walk.host, walk.port, time.monotonic() + walk.left(CONNECT_S))
    except BlockedAddress as error:
        raise StageFailed(Failure(str(error), code=blocked_code(error))) from error
    except (OSError, ValueError, httpcore.ConnectTimeout) as error:
        raise StageFailed(Failure(str(error), code="no_name")) from error
    walk.addresses = list(dict.fromkeys(found))
    stage.facts["addresses"] = walk.addresses[:4]


def blocked_code(error: BlockedAddress) -> str:
    return "metadata" if any(str(error).startswith(f"{address} ") for address in METADATA) else "blocked"


def connect(walk: Walk, stage: Stage) -> None:
    stage.facts["port"] = walk.port
    until = time.monotonic() + walk.left(CONNECT_S)
    failure: OSError = TimeoutError("timed out")
    for address in walk.addresses:
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            walk.wire = socket.create_connection((address, walk.port), timeout=left)
        except OSError as error:
            failure = error
        else:
            return
    words = failure.strerror or str(failure) or type(failure).__name__
    code = "refused" if isinstance(failure, ConnectionRefusedError) else "no_connection"
    raise StageFailed(Failure(words, url=f"{walk.host}:{walk.port}", code=code)) from failure


def tls(walk: Walk, stage: Stage) -> None:
    """Ends the connection, which showed what it could: a server with one thread would wait for it."""
    assert walk.wire is not None
    with walk.wire as wire:
        context = context_of(walk)
        if not walk.report.url.startswith("https:"):
            stage.state = "skipped"
            return
        wire.settimeout(walk.left(CONNECT_S))
        with wrapped(wire, walk.host, context) as secured:
            stage.facts |= tls_facts(secured)


def context_of(walk: Walk) -> ssl.SSLContext:
    """Also for http, where it would not be used: a text that is no certificate is a mistake in any case."""
    try:
        return tls_context(walk.draft.ca_certificates)
    except ssl.SSLError as error:
        raise StageFailed(Failure(UNREADABLE, code="authority")) from error


def wrapped(wire: socket.socket, host: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Verified as the gateway verifies. Raises StageFailed."""
    try:
        return context.wrap_socket(wire, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise StageFailed(Failure(error.verify_message, url=host, code="certificate")) from error
    except (OSError, ValueError) as error:
        code = "plain" if "WRONG_VERSION_NUMBER" in str(error) or "record layer" in str(error) else "tls"
        raise StageFailed(Failure(str(error), url=host, code=code)) from error


def tls_facts(secured: ssl.SSLSocket) -> dict[str, Any]:
    facts: dict[str, Any] = {"version": (secured.version() or "").replace("v", " ")}
    expires = (secured.getpeercert() or {}).get("notAfter")
    if isinstance(expires, str):
        facts["days_left"] = int((ssl.cert_time_to_seconds(expires) - timezone.now().timestamp()) // 86_400)
    return facts
