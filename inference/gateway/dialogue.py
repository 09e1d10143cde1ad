"""One exchange with an endpoint: a whole reply, or a stream whose first event has been looked at."""

import json
import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from inference.gateway.cleaning import cleaned
from inference.gateway.errors import UpstreamFailure
from inference.gateway.routes import EndpointRoute
from inference.gateway.sse import DONE, EventSplitter, EventTooLarge, event_data
from inference.gateway.upstream import Transport, UpstreamRequest, UpstreamResponse
from models_registry.vendors.base import Dialect, DialectError, Json, Reply, Target
from models_registry.vendors.openai_shape import embeddings_joined, inputs_count
from models_registry.vendors.thinking import lift_reply
from models_registry.vendors.wire import error_message, snippet

CALLERS_FAULTS = {400: "invalid_request_error", 413: "request_too_large", 422: "invalid_request_error"}
RETRY_AFTER = re.compile(r"[0-9]{1,6}\Z|[A-Za-z]{3}, [0-9A-Za-z: ]{20,30}\Z")
ERROR_BYTES_MAX = 256 * 1024

log = logging.getLogger(__name__)


async def send(transport: Transport, endpoint: EndpointRoute, operation: str, request: Json) -> UpstreamResponse:
    """The response once its status is known to be good. Raises UpstreamFailure."""
    target = Target(operation, endpoint.upstream_model, endpoint.headers)
    headers, body = endpoint.dialect.build(request, target)
    url = target_url(endpoint.dialect, endpoint.inference_url, operation)
    response = await transport.send(UpstreamRequest(url, headers, body, endpoint.tls))
    if response.status == 200:
        return response
    try:
        raise refusal(endpoint, response.status, response.headers, await error_body(response))
    finally:
        response.close()


@lru_cache(maxsize=4096)
def target_url(dialect: Dialect, inference_url: str, operation: str) -> str:
    return dialect.url(inference_url, operation)


async def error_body(response: UpstreamResponse) -> bytes:
    """The status says enough where the words are too many, or broken off."""
    try:
        return await response.read(ERROR_BYTES_MAX)
    except UpstreamFailure:
        return b""


def refusal(endpoint: EndpointRoute, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
    """What an upstream's error status means for the caller."""
    words = cleaned(words_of(body), endpoint)
    if code := CALLERS_FAULTS.get(status):
        return UpstreamFailure(code, words, is_callers_fault=True)
    if status == 429:
        wait = headers.get("Retry-After", "")
        kept = {"Retry-After": wait} if RETRY_AFTER.match(wait) else {"Retry-After": "1"}
        return UpstreamFailure("rate_limit_exceeded", f"The upstream's rate limit is reached: {words}", headers=kept)
    if status in {401, 403}:
        return UpstreamFailure("upstream_error", "The upstream refused this gateway's credentials.")
    if 300 <= status < 400:
        return UpstreamFailure("upstream_error", "The upstream answered with a redirect, which is not followed.")
    return UpstreamFailure("upstream_error", f"The upstream answered with status {status}: {words}")


def words_of(body: bytes) -> str:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return snippet(body)
    return error_message(data) or snippet(body)


async def ask(transport: Transport, endpoint: EndpointRoute, operation: str, request: Json) -> Reply:
    """The whole reply in canonical shape. Raises UpstreamFailure."""
    if endpoint.inputs_max and inputs_count(request.get("input")) > endpoint.inputs_max:
        return await ask_in_parts(transport, endpoint, operation, request)
    response = await send(transport, endpoint, operation, request)
    try:
        body = await response.read()
        reply = parsed_reply(endpoint, body, request, response.headers.get("Content-Type", ""))
        return lift_reply(reply) if endpoint.thinking == "lift" else reply
    finally:
        response.close()


async def ask_in_parts(transport: Transport, endpoint: EndpointRoute, operation: str, request: Json) -> Reply:
    """One after the other, for an upstream that counts inputs counts calls too; the first failure is that of all."""
    inputs, size = request["input"], endpoint.inputs_max
    assert size is not None
    parts = [{**request, "input": inputs[start : start + size]} for start in range(0, len(inputs), size)]
    return embeddings_joined([await ask(transport, endpoint, operation, part) for part in parts])


def parsed_reply(endpoint: EndpointRoute, body: bytes, request: Json, content_type: str) -> Reply:
    try:
        return endpoint.dialect.parse(body, request, content_type)
    except DialectError as error:
        raise UpstreamFailure("upstream_error", cleaned(str(error), endpoint)) from error
    except Exception as error:  # JSON of a form that nobody thought of: still the upstream's fault
        log.exception("a reply of endpoint %d could not be read", endpoint.id)
        raise UpstreamFailure("upstream_error", "The upstream's reply has an unknown form.") from error


class UpstreamStream:
    """A stream after its first event was found good. Iterate with `next_events` until it gives []."""

    __slots__ = ("endpoint", "first", "response", "splitter")

    def __init__(self, endpoint: EndpointRoute, response: UpstreamResponse) -> None:
        self.endpoint = endpoint
        self.response = response
        self.splitter = EventSplitter()
        self.first: list[bytes] = []

    async def next_events(self) -> list[bytes]:
        """The events that have arrived; [] at the end. Raises UpstreamFailure."""
        if self.first:
            events, self.first = self.first, []
            return events
        while chunk := await self.response.read_some():
            try:
                events = self.splitter.feed(chunk)
            except EventTooLarge as error:
                raise UpstreamFailure("upstream_error", "The upstream sent an event without end.") from error
            if events:
                return events
        return self.last_event()

    def last_event(self) -> list[bytes]:
        """A last event without its blank line still counts, if it is whole."""
        rest, self.splitter.rest = self.splitter.rest, b""
        event = rest.rstrip(b"\r\n") + b"\n\n"
        data = event_data(event)
        return [event] if data and (data == DONE or parse_event(data) is not None) else []

    def close(self) -> None:
        self.response.close()


async def open_stream(transport: Transport, endpoint: EndpointRoute, operation: str, request: Json) -> UpstreamStream:
    """A stream whose first event is an answer. Raises UpstreamFailure for an error, an empty stream, a page."""
    stream = UpstreamStream(endpoint, await send(transport, endpoint, operation, request))
    try:
        content_type = stream.response.headers.get("Content-Type", "")
        if "text/event-stream" not in content_type.lower():
            raise not_a_stream(endpoint, content_type, await error_body(stream.response))
        stream.first = await first_events(stream)
    except BaseException:
        stream.close()
        raise
    return stream


def not_a_stream(endpoint: EndpointRoute, content_type: str, body: bytes) -> UpstreamFailure:
    words = cleaned(words_of(body), endpoint)
    kind = cleaned(content_type.split(";")[0], endpoint) or "no content type"
    return UpstreamFailure("upstream_error", f"The upstream answered a stream request with {kind}: {words}")


async def first_events(stream: UpstreamStream) -> list[bytes]:
    """Events up to the first one with data, which must be an answer."""
    before: list[bytes] = []
    while events := await stream.next_events():
        before += events
        for event in events:
            data = event_data(event)
            if data is not None:
                check_first(stream.endpoint, data)
                return before
    raise UpstreamFailure("upstream_error", "The upstream's stream ended without an event.")


def check_first(endpoint: EndpointRoute, data: bytes) -> None:
    if data == DONE:
        raise UpstreamFailure("upstream_error", "The upstream's stream was empty.")
    if (event := parse_event(data)) is None:
        raise UpstreamFailure(
            "upstream_error", f"The upstream's first event is not JSON: {cleaned(snippet(data), endpoint)}"
        )
    if message := error_message(event):
        raise UpstreamFailure("upstream_error", cleaned(message, endpoint))


def parse_event(data: bytes) -> Json | None:
    """An event's JSON object; None for anything else."""
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        event = mended(data)
    return event if isinstance(event, dict) else None


def mended(data: bytes) -> Any:
    """A stray invalid byte, or half a surrogate pair escaped on its own, is no reason to lose a stream."""
    try:
        event = json.loads(data.decode("utf-8", "replace"))
        return orjson.loads(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
