"""An unsaved endpoint, tried stage by stage: 解析 连接 TLS 鉴权 模型 调用. Nothing is written.

`staged_probe` shows the whole way. A stage ends well, with a warning, or with a `Failure` that ends the walk; what a
later stage learns may settle an earlier one: an upstream that lists no models shows by the call whether the key
and the model's name are right.
"""

import difflib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import httpcore
import httpx
import orjson
from django.utils import timezone

from inference.gateway.cleaning import without_secret
from inference.http import ReplyTooLarge, guarded_client, read_plain, resolve_in_time
from inference.netguard import METADATA, BlockedAddress
from inference.probe_findings import Findings, findings_of, reply_beginning, stream_findings
from inference.probes import UNWRITABLE, Answer, ProbeFailed, check_answer, exchange, upstream_words
from models_registry.url_doctor import models_url, url_advise
from models_registry.vendors import VENDORS
from models_registry.vendors.base import OPERATIONS, Dialect, Json, KindSpec, Outgoing, Target

TOTAL_S = 30.0
CONNECT_S = 5.0
LIST_S = 8.0
CALL_S = 20.0
LIST_BYTES_MAX = 4_000_000
NAMES_MAX = 20_000
WORDS_MAX = 600
SHORT_CHAT: Json = {"messages": [{"role": "user", "content": "你好"}], "max_tokens": 16, "stream": False}

State = Literal["waiting", "ok", "warning", "failed", "skipped"]
STAGES = ("resolve", "connect", "tls", "auth", "model", "call")


@dataclass(frozen=True, slots=True)
class Draft:
    """An endpoint as the form or an API document has it."""

    vendor: str
    kind: str
    inference_url: str
    upstream_model: str = ""
    api_key: str = field(default="", repr=False)
    auth: str = "bearer"
    stream_only: bool = False

    @property
    def spec(self) -> KindSpec:
        return VENDORS[self.vendor].kinds[self.kind]

    @property
    def headers(self) -> dict[str, str]:
        if not self.api_key:
            return {}
        return {"Authorization": self.api_key if self.auth == "raw" else f"Bearer {self.api_key}"}


class Failure(NamedTuple):
    """`words` are the upstream's own, or the system's; `code` names what the console can explain."""

    words: str
    url: str = ""
    method: str = ""
    status: int | None = None
    code: str = ""


class StageFailed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.words)
        self.failure = failure


@dataclass(slots=True)
class Stage:
    """`facts` are named values; the page makes a sentence of them, the API gives them as they are."""

    name: str
    state: State = "waiting"
    duration_ms: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def reached(self) -> bool:
        return self.state != "waiting"


class Attempt(NamedTuple):
    """An address that was called, and the status it answered with (None: nothing whole came)."""

    url: str
    status: int | None


@dataclass(slots=True)
class Report:
    url: str
    stages: dict[str, Stage] = field(default_factory=lambda: {name: Stage(name) for name in STAGES})
    attempts: list[Attempt] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    reply: str = ""
    total_ms: int = 0

    @property
    def failed(self) -> Stage | None:
        return next((stage for stage in self.stages.values() if stage.state == "failed"), None)

    @property
    def passed_count(self) -> int:
        return sum(stage.state in ("ok", "warning", "skipped") for stage in self.stages.values())


@dataclass(slots=True)
class Walk:
    """What the stages hand on to each other."""

    draft: Draft
    report: Report
    until: float
    host: str = ""
    port: int = 0
    addresses: list[str] = field(default_factory=list)
    wire: socket.socket | None = None
    listed: list[str] | None = None

    def left(self, most_s: float) -> float:
        """Never nothing: a socket with a timeout of 0 would not wait at all."""
        return max(0.01, min(most_s, self.until - time.monotonic()))

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        stage = self.report.stages[name]
        stage.state, began = "ok", time.monotonic()
        try:
            yield stage
        finally:
            stage.duration_ms = elapsed_ms(began) if stage.reached else None

    def fail(self, name: str, failure: Failure) -> None:
        words = without_secret(UNWRITABLE.sub(" ", failure.words), self.draft.api_key)[:WORDS_MAX]
        self.report.stages[name].state = "failed"
        self.report.stages[name].failure = failure._replace(words=words)


# --- the way ----------------------------------------------------------------------------------------
def staged_probe(draft: Draft) -> Report:
    """Raises nothing for what an upstream does, and nothing for a URL that is none."""
    began = time.monotonic()
    report = Report(url_advise(vendor=VENDORS[draft.vendor], kind=draft.kind, url=draft.inference_url).called)
    walk = Walk(draft, report, began + TOTAL_S)
    for name, step in STEPS.items():
        try:
            with walk.stage(name) as stage:
                step(walk, stage)
        except StageFailed as failed:
            walk.fail(name, failed.failure)
        if report.failed:
            break
    report.total_ms = elapsed_ms(began)
    return report


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
        walk.addresses = list(dict.fromkeys(resolve_in_time(walk.host, walk.port, walk.until - TOTAL_S + CONNECT_S)))
    except BlockedAddress as error:
        raise StageFailed(Failure(str(error), code=blocked_code(error))) from error
    except (OSError, UnicodeError, httpcore.ConnectTimeout) as error:
        raise StageFailed(Failure(str(error), code="no_name")) from error
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
        if not walk.report.url.startswith("https:"):
            stage.state = "skipped"
            return
        wire.settimeout(walk.left(CONNECT_S))
        with wrapped(wire, walk.host) as secured:
            stage.facts |= tls_facts(secured)


def wrapped(wire: socket.socket, host: str) -> ssl.SSLSocket:
    """Verified as the gateway verifies. Raises StageFailed."""
    try:
        return httpx.create_ssl_context(trust_env=False).wrap_socket(wire, server_hostname=host)
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


def auth(walk: Walk, stage: Stage) -> None:
    """By the list of models, which costs nothing. Whoever has none is judged by the call."""
    if not VENDORS[walk.draft.vendor].lists_models:
        stage.state = "skipped"
        return
    url = models_url(walk.draft.spec, walk.draft.kind, walk.draft.inference_url)
    answer = list_fetch(walk, url)
    if answer is None or answer.status not in (200, 401, 403):
        stage.state = "skipped"
        return
    stage.facts["status"] = answer.status
    if answer.status != 200:
        raise StageFailed(Failure(upstream_words(answer.body), url, "GET", answer.status, "key"))
    walk.listed = names_listed(answer.body)
    if walk.listed is None:
        stage.state = "skipped"


def list_fetch(walk: Walk, url: str) -> Answer | None:
    limits = {"connect_s": walk.left(CONNECT_S), "read_s": walk.left(LIST_S), "total_s": walk.left(LIST_S)}
    try:
        with guarded_client(**limits) as client, client.stream("GET", url, headers=walk.draft.headers) as response:
            body = read_plain(response, LIST_BYTES_MAX)
    except (httpx.HTTPError, httpx.InvalidURL, ReplyTooLarge, ValueError):
        return None  # no list is no failure
    return Answer(response.status_code, response.headers.get("content-type", ""), body)


def names_listed(body: bytes) -> list[str] | None:
    """The ids of OpenAI's `{data: [{id}]}`; None for any other shape."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    rows = data.get("data") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        return None
    return [str(row["id"]) for row in rows[:NAMES_MAX] if isinstance(row, dict) and row.get("id")]


def model(walk: Walk, stage: Stage) -> None:
    name = walk.draft.upstream_model
    if walk.listed is None or not name:
        stage.state = "skipped"
        return
    stage.facts["count"] = len(walk.listed)
    bare = name.partition(";")[0]  # behind it the simulator takes its switches
    if {name, bare, f"{name}:latest"} & set(walk.listed):
        return
    stage.state = "warning"
    stage.facts["near"] = near_names(name, walk.listed)


def near_names(name: str, listed: list[str]) -> list[str]:
    by_small = {one.lower(): one for one in listed}
    close = difflib.get_close_matches(name.lower(), by_small, n=3, cutoff=0.5)
    inside = [small for small in by_small if name.lower() in small]
    return [by_small[small] for small in dict.fromkeys([*close, *inside])][:3]


# --- the call ---------------------------------------------------------------------------------------
def call(walk: Walk, stage: Stage) -> None:
    """The same call that enabling makes. Its failure may be that of an earlier stage."""
    spec, url = walk.draft.spec, walk.report.url
    request = request_of(spec.dialect, streams=walk.draft.stream_only)
    try:
        answer = exchange(url, outgoing_of(walk.draft, request), walk.left(CALL_S))
    except ProbeFailed as failed:
        walk.report.attempts.append(Attempt(url, None))
        raise StageFailed(Failure(failed.words, url, "POST", code=failed.stage)) from failed
    walk.report.attempts.append(Attempt(url, answer.status))
    try:
        check_answer(spec.dialect, answer, request)
    except ProbeFailed as failed:
        blame(walk, stage, Failure(failed.words, url, "POST", answer.status))
        return
    settle(walk, stage, answer, request)


def request_of(dialect: Dialect, *, streams: bool) -> Json:
    """Long enough an answer to see something of it."""
    if not dialect.streams:
        return dialect.probe()
    return {**SHORT_CHAT, "stream": streams}


def outgoing_of(draft: Draft, request: Json) -> Outgoing:
    return draft.spec.dialect.build(request, Target(OPERATIONS[draft.kind], draft.upstream_model, draft.headers))


def blame(walk: Walk, stage: Stage, failure: Failure) -> None:
    """The stage that the upstream's status speaks of."""
    stages = walk.report.stages
    unlisted = stages["model"].state == "warning"
    if failure.status in (401, 403):
        walk.fail("auth", failure._replace(code="key"))
    elif failure.status == 404 and (unlisted or names_the_model(walk, failure)):
        walk.fail("model", failure._replace(code="model"))
    else:
        code = "path" if failure.status in (404, 405) else ""
        walk.fail("call", failure._replace(code=code))
        try_suggestion(walk, code)
        try_stream(walk, stage, failure)
        return
    stage.state = "waiting"  # not reached: what came before it failed


def names_the_model(walk: Walk, failure: Failure) -> bool:
    """A 404 that speaks of the model is not about the path."""
    words, name = failure.words.lower(), walk.draft.upstream_model.lower()
    named = bool(name) and name in words and name not in failure.url.lower()
    return named or "model" in words or "模型" in words


def try_suggestion(walk: Walk, code: str) -> None:
    """A wrong path may be one of the known mistakes: the better address is called too, and its status shown.

    On the same host only: a key is sent nowhere but where it was typed for.
    """
    draft = walk.draft
    advice = url_advise(vendor=VENDORS[draft.vendor], kind=draft.kind, url=draft.inference_url)
    if code != "path" or advice.harmless or urlsplit(advice.suggested_call)[:2] != urlsplit(walk.report.url)[:2]:
        return
    outgoing = outgoing_of(draft, request_of(draft.spec.dialect, streams=draft.stream_only))
    try:
        status = exchange(advice.suggested_call, outgoing, walk.left(CALL_S)).status
    except ProbeFailed:
        status = None
    walk.report.attempts.append(Attempt(advice.suggested_call, status))


def try_stream(walk: Walk, stage: Stage, failure: Failure) -> None:
    """Some upstreams only stream, and say so with a 400."""
    dialect = walk.draft.spec.dialect
    if failure.status == 400 and dialect.streams and not walk.draft.stream_only and "stream" in failure.words.lower():
        seen = stream_see(walk)
        stage.facts["stream_only"] = seen.streams is True


def settle(walk: Walk, stage: Stage, answer: Answer, request: Json) -> None:
    """The call went well: what it shows, and what it proves of the stages before it."""
    draft, stages = walk.draft, walk.report.stages
    for name in ("auth", "model"):
        if stages[name].state == "skipped" and (name == "auth" or draft.upstream_model):
            stages[name].state = "ok"
            stages[name].facts["by_call"] = True
    found = findings_of(draft.spec.dialect, answer.body, answer.content_type, request)
    if draft.spec.dialect.streams and not draft.stream_only:
        found = found.joined(stream_see(walk))
    walk.report.findings = found
    walk.report.reply = without_secret(reply_beginning(answer.body), draft.api_key)
    stage.facts |= {"status": answer.status, "output_tokens": found.output_tokens, "first_ms": found.first_ms}


def stream_see(walk: Walk) -> Findings:
    """A second short call, streamed. Nothing is known where it fails."""
    draft = walk.draft
    outgoing = outgoing_of(draft, request_of(draft.spec.dialect, streams=True))
    began = time.monotonic()
    limits = {"connect_s": walk.left(CONNECT_S), "read_s": walk.left(CALL_S), "total_s": walk.left(CALL_S)}
    try:
        with (
            guarded_client(**limits) as client,
            client.stream("POST", walk.report.url, content=outgoing.body, headers=outgoing.headers) as response,
        ):
            if response.status_code != 200:
                return Findings(streams=False)
            return stream_findings(response.iter_raw(), began)
    except (httpx.HTTPError, ValueError):
        return Findings()


def elapsed_ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


STEPS = {"resolve": resolve, "connect": connect, "tls": tls, "auth": auth, "model": model, "call": call}
