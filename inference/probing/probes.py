"""Does an endpoint answer as its kind should? One real, tiny call per probe; a chat never goes to a reranker."""

import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import httpx

from inference.gateway.cleaning import without_secret
from inference.gateway.sse import EventSplitter, event_data
from inference.http import ReplyTooLarge, guarded_client, read_plain
from models_registry.certificates import UNREADABLE
from models_registry.models import Endpoint, Model
from models_registry.secret import SecretUnreadable
from models_registry.vendors import VENDORS
from models_registry.vendors.base import OPERATIONS, Dialect, DialectError, Json, Outgoing, Target
from models_registry.vendors.wire import json_object, snippet

CONNECT_S = 5.0
ANSWER_S = 20.0  # for each wait
TOTAL_S = 20.0  # with the connecting and one last wait, shorter than the lease of whoever probes
REPLY_BYTES_MAX = 4_000_000
REASON_MAX = 1_000
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # PostgreSQL takes neither NUL nor half a character


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`reason` is for admins: the stage that failed, the URL, the status and the upstream's own words."""

    answered: bool
    reason: str
    duration_ms: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", UNWRITABLE.sub(" ", self.reason)[:REASON_MAX])


class ProbeFailed(Exception):
    """The stage and the words of a failure, and the status where the upstream had answered."""

    def __init__(self, stage: str, words: str, status: int | None = None) -> None:
        super().__init__(f"{stage}: HTTP {status}: {words}" if status else f"{stage}: {words}")
        self.stage = stage
        self.words = words
        self.status = status


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes


def endpoint_probe(endpoint: Endpoint) -> ProbeResult:
    """Calls the endpoint once. Never raises for what an upstream does."""
    began = time.monotonic()
    dialect = VENDORS[endpoint.vendor].kinds[endpoint.model.kind].dialect
    operation = OPERATIONS[endpoint.model.kind]
    url = dialect.url(endpoint.inference_url, operation)
    try:
        call(dialect, endpoint, url, operation)
    except ProbeFailed as failure:
        reason = without_secret(str(failure), endpoint.api_key.reveal())
        return ProbeResult(False, f"{reason} · POST {url}", elapsed_ms(began))
    except SecretUnreadable as error:
        return ProbeResult(False, f"key: {error}", elapsed_ms(began))
    return ProbeResult(True, "", elapsed_ms(began))


def call(dialect: Dialect, endpoint: Endpoint, url: str, operation: str) -> None:
    """Raises ProbeFailed."""
    request = dialect.probe()
    if endpoint.model.stream_only:
        request = {**request, "stream": True}
    outgoing = dialect.build(request, Target(operation, endpoint.upstream_model, auth_headers(endpoint)))
    check_answer(dialect, exchange(url, outgoing, ca_certificates=endpoint.ca_certificates), request)


def exchange(url: str, outgoing: Outgoing, total_s: float | None = None, ca_certificates: str = "") -> Answer:
    """What the upstream answers, be it good or bad. Raises ProbeFailed where nothing whole comes."""
    total_s = TOTAL_S if total_s is None else total_s
    headers, body = outgoing
    return ask("POST", url, headers, body, total_s=total_s, ca_certificates=ca_certificates)


def ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    total_s: float,
    ca_certificates: str = "",
) -> Answer:
    """Raises ProbeFailed."""
    limits = {"connect_s": CONNECT_S, "read_s": ANSWER_S, "total_s": total_s}
    try:
        with (
            guarded_client(**limits, ca_certificates=ca_certificates) as client,
            client.stream(method, url, content=body, headers=headers) as response,
        ):
            answer = read_plain(response, REPLY_BYTES_MAX)
    except ReplyTooLarge as error:
        raise ProbeFailed("answer", "the reply is larger than a probe's reply can be") from error
    except httpx.TimeoutException as error:
        stage = "connect" if isinstance(error, httpx.ConnectTimeout) else "answer"
        raise ProbeFailed(stage, "timed out") from error
    except ssl.SSLError as error:  # of the context; what comes of a connection is httpx's
        raise ProbeFailed("connect", UNREADABLE) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        stage = "connect" if isinstance(error, httpx.ConnectError) else "answer"
        raise ProbeFailed(stage, str(error) or type(error).__name__) from error
    return Answer(response.status_code, response.headers.get("content-type", ""), answer)


def auth_headers(endpoint: Endpoint) -> dict[str, str]:
    key = endpoint.api_key.reveal()
    if not key:
        return {}
    return {"Authorization": key if endpoint.auth == Endpoint.Auth.RAW else f"Bearer {key}"}


def check_answer(dialect: Dialect, answer: Answer, request: Json) -> None:
    """Raises ProbeFailed."""
    if answer.status >= 300:
        stage = {401: "auth", 403: "auth", 404: "model"}.get(answer.status, "answer")
        raise ProbeFailed(stage, upstream_words(answer.body), answer.status)
    try:
        if request.get("stream"):
            check_stream(answer.body)
        else:
            dialect.parse(answer.body, request, answer.content_type)
    except DialectError as error:
        if str(error) == "the answer is empty":
            return  # one token of a reasoning model may show nothing, and yet the model works
        raise ProbeFailed("answer", str(error)) from error


def check_stream(body: bytes) -> None:
    """Raises DialectError unless an event with choices arrived."""
    for event in EventSplitter().feed(body + b"\n\n"):
        data = event_data(event)
        if data and data != b"[DONE]" and json_object(data).get("choices"):
            return
    raise DialectError(f"the stream has no event with choices: {snippet(body)}")


def upstream_words(body: bytes) -> str:
    try:
        json_object(body)
    except DialectError as error:
        return str(error).removeprefix("the reply is not JSON: ")
    return snippet(body)


def elapsed_ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def model_probe(model: Model) -> dict[int, ProbeResult]:
    """Every endpoint's result, by endpoint id."""
    return {endpoint.pk: endpoint_probe(endpoint) for endpoint in model.endpoints.select_related("model")}
