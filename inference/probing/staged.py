"""An unsaved endpoint, tried stage by stage: 解析 连接 TLS 鉴权 模型 调用. Nothing is written.

`staged_probe` shows the whole way. A stage ends well, with a warning, or with a `Failure` that ends the walk; what a
later stage learns may settle an earlier one: an upstream that lists no models shows by the call whether the key
and the model's name are right.
"""

import difflib
import time
from urllib.parse import urlsplit

import httpx

from inference.gateway.cleaning import without_secret
from inference.http import guarded_client
from inference.probing.findings import Findings, findings_of, reply_beginning, stream_findings
from inference.probing.probes import Answer, ProbeFailed, ask, check_answer, exchange, upstream_words
from inference.probing.reach import CONNECT_S, connect, resolve, tls
from inference.probing.report import Attempt, Draft, Failure, Report, Stage, StageFailed, Walk, elapsed_ms
from models_registry.importing.upstream_lists import names_listed
from models_registry.importing.url_doctor import models_url, url_advise
from models_registry.vendors import VENDORS
from models_registry.vendors.base import OPERATIONS, Dialect, Json, Outgoing, Target

TOTAL_S = 30.0
LIST_S = 8.0
CALL_S = 20.0
SHORT_CHAT: Json = {"messages": [{"role": "user", "content": "你好"}], "max_tokens": 16, "stream": False}


# --- the way ----------------------------------------------------------------------------------------
def staged_probe(draft: Draft) -> Report:
    """Raises nothing for what an upstream does, and nothing for a URL that is none."""
    began = time.monotonic()
    advice = url_advise(vendor=VENDORS[draft.vendor], kind=draft.kind, url=draft.inference_url)
    report = Report(advice.called, draft.upstream_model)
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
    try:
        return ask(
            "GET",
            url,
            walk.draft.headers,
            total_s=walk.left(LIST_S),
            ca_certificates=walk.draft.ca_certificates,
        )
    except ProbeFailed:
        return None  # no list is no failure


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
        answer = walk_exchange(walk, url, outgoing_of(walk.draft, request))
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


def walk_exchange(walk: Walk, url: str, outgoing: Outgoing) -> Answer:
    """Raises ProbeFailed."""
    return exchange(url, outgoing, walk.left(CALL_S), walk.draft.ca_certificates)


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
        status = walk_exchange(walk, advice.suggested_call, outgoing).status
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
            guarded_client(**limits, ca_certificates=draft.ca_certificates) as client,
            client.stream("POST", walk.report.url, content=outgoing.body, headers=outgoing.headers) as response,
        ):
            if response.status_code != 200:
                return Findings(streams=False)
            return stream_findings(response.iter_raw(), began)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return Findings()


STEPS = {"resolve": resolve, "connect": connect, "tls": tls, "auth": auth, "model": model, "call": call}
