"""From the wish to the served model: probes, leases, health, and the commands that move them."""

import gzip
import io
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from registry_writing import apply, endpoint_of, model, text

from accounts.models import ApiKey, User
from accounts.selectors import workspace_personal
from billing.selectors import balance_of
from inference import tasks
from inference.probing import probes
from inference.services import endpoint_reprobe, model_enable
from models_registry.models import Endpoint, HealthChange, Model
from models_registry.services import (
    CHECKING_LIMIT_S,
    LEASE_S,
    RegistryError,
    enabling_claim,
    enabling_finish,
    enabling_request,
    enabling_unclaimed,
    health_observe,
    model_disable,
    probes_claim,
)
from simulator.server import SimulatorThread


def at(upstream: SimulatorThread, name: str = "chat", **fields: Any) -> dict[str, Any]:
    return {"vendor": "openai_compatible", "inference_url": f"{upstream.url}/v1", "model": name, **fields}


def state_of(name: str) -> tuple[str, str]:
    found = Model.objects.get(name=name)
    return found.state, found.state_reason


# --- the wish ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "vendor", "path"),
    [
        ("llm", "openai_compatible", "/v1"),
        ("llm", "ollama", "/v1"),
        ("llm", "yuanjing", "/openapi/compatible-mode/v1"),
        ("embedding", "openai_compatible", "/v1"),
        ("embedding", "yuanjing", "/openapi/compatible-mode/v1"),
        ("rerank", "openai_compatible", "/v1"),
        ("rerank", "yuanjing", "/openapi/bge/v1"),
        ("ocr", "yuanjing", "/openapi/v1"),
    ],
)
def test_every_kind_is_probed_in_its_own_way_and_enabled(
    name: str, upstream: SimulatorThread, kind: str, vendor: str, path: str
) -> None:
    upstream.clear()
    endpoint = {"vendor": vendor, "inference_url": f"{upstream.url}{path}", "model": "m"}
    price = {"per_page": "0.01"} if kind == "ocr" else {"input": "2"}
    (made,) = apply(model(name, kind=kind, price=price, endpoints=[endpoint]))
    assert model_enable(model=made, actor="tests") == ""
    assert state_of(name) == ("enabled", "")
    found = endpoint_of(made)
    assert (found.health, found.health_reason) == ("up", "")
    (change,) = HealthChange.objects.filter(endpoint=found)
    assert (change.old, change.new) == ("unknown", "up")
    (asked,) = upstream.requests
    end = {"llm": "/chat/completions", "embedding": "/embeddings", "rerank": "/rerank", "ocr": "/unicom-ocr"}[kind]
    assert asked.path.endswith(end)


def test_a_model_without_a_price_is_not_enabled(name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, price=None, endpoints=[at(upstream)]))
    with pytest.raises(RegistryError, match="has no price: give it one, or mark it free"):
        model_enable(model=made, actor="tests")
    assert state_of(name)[0] == "disabled"


KEY = "canary-5c0ffee-key"
FAILURES = [
    ("chat;status=401;status_body=bad key @", ["auth: HTTP 401", "bad key ***"]),
    ("chat;status=403", ["auth: HTTP 403"]),
    ("chat;status=404;status_body=no such model", ["model: HTTP 404", "no such model"]),
    ("chat;status=500;status_body=kaputt @", ["answer: HTTP 500", "kaputt ***"]),
    ("chat;html=502", ["answer: HTTP 502", "nginx"]),
    ("chat;error200;status_body=overloaded", ["answer: overloaded"]),
    ("chat;empty=body", ["answer: the reply is not JSON"]),
    ("chat;usage=only", ["answer: the reply has no choices"]),
    ("chat;status=302;location=http://127.0.0.1/", ["answer: HTTP 302"]),
    ("chat;reset", ["answer: "]),
    ("chat;cut=0", ["answer: "]),
]


@pytest.mark.parametrize(("switches", "words"), FAILURES)
def test_a_failing_probe_says_stage_url_status_and_words_but_never_the_key(
    name: str, upstream: SimulatorThread, switches: str, words: list[str]
) -> None:
    endpoint = at(upstream, switches.replace("@", KEY), api_key=KEY)
    (made,) = apply(model(name, endpoints=[endpoint]))
    reason = model_enable(model=made, actor="tests")
    for word in words:
        assert word in reason
    assert f"POST {upstream.url}/v1/chat/completions" in reason
    assert KEY not in reason
    assert state_of(name) == ("disabled", reason)
    found = endpoint_of(made)
    assert (found.health, found.health_reason) == ("down", reason)


def test_an_unreachable_or_forbidden_address_is_named(name: str) -> None:
    for url, words in (
        ("http://127.0.0.1:9/v1", "connect: "),
        ("http://nowhere.invalid/v1", "connect: "),
        ("http://169.254.169.254/v1", "is a private address"),
        ("http://10.0.0.1/v1", "ALLOWED_PRIVATE_NETWORKS"),
    ):
        (made,) = apply(model(name, endpoints=[{"vendor": "ollama", "inference_url": url, "model": "m"}]))
        assert words in model_enable(model=made, actor="tests")


def test_a_reason_can_be_written_whatever_the_upstream_says() -> None:
    reason = probes.ProbeResult(False, "a\x00b\nc\x85d\ud800e" + "x" * 5_000, 1).reason
    assert reason.startswith("a b c d ex")
    assert len(reason) == 1_000


def test_a_compressed_answer_is_not_unpacked(name: str) -> None:
    packed = gzip.compress(gzip.compress(bytes(10**6)))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        (made,) = apply(model(name, endpoints=[{"vendor": "ollama", "inference_url": url, "model": "m"}]))

        def answer() -> bytes:
            connection, _ = listener.accept()
            with connection:
                asked = connection.recv(65536)
                connection.sendall(head.encode() + packed)
                return asked

        asked = pool.submit(answer)
        assert "answer: the reply is compressed" in model_enable(model=made, actor="tests")
        assert b"accept-encoding: identity" in asked.result().lower()


def test_a_probe_that_fails_in_an_unforeseen_way_ends_checking(
    name: str, upstream: SimulatorThread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("nobody thought of this")

    (made,) = apply(model(name, endpoints=[at(upstream)]))
    found = endpoint_of(made)
    with monkeypatch.context() as patched:
        patched.setattr(probes, "check_answer", broken)
        reason = model_enable(model=made, actor="tests")
        assert "failed unexpectedly (KeyError)" in reason
        assert state_of(name) == ("disabled", reason)
        assert endpoint_of(made).health == "down"
        assert "nobody thought of this" in caplog.text
    assert model_enable(model=made, actor="tests") == ""
    with monkeypatch.context() as patched:
        patched.setattr(probes, "check_answer", broken)
        patched.setattr("inference.services.SECOND_LOOK_S", 0.01)
        endpoint_reprobe(endpoint_id=found.pk)
    assert endpoint_of(made).health == "down"
    monkeypatch.setattr("inference.services.health_observe", broken)
    model_disable(model=made, actor="tests")
    assert "KeyError" in model_enable(model=made, actor="tests")
    assert state_of(name)[0] == "disabled"


def test_one_endpoint_that_answers_is_enough(name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream, "chat;status=500"), at(upstream)]))
    assert model_enable(model=made, actor="tests") == ""
    assert sorted(made.endpoints.values_list("health", flat=True)) == ["down", "up"]


def test_a_stream_only_model_is_probed_by_a_stream(name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, stream_only=True, endpoints=[at(upstream, "chat;stream_only")]))
    assert model_enable(model=made, actor="tests") == ""
    (bad,) = apply(model(f"{name}-bad", stream_only=True, endpoints=[at(upstream, "chat;empty=eof")]))
    assert "the stream has no event with choices" in model_enable(model=bad, actor="tests")


def test_a_reasoning_model_that_shows_nothing_in_one_token_works(name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream, "chat;empty")]))
    assert model_enable(model=made, actor="tests") == ""


def test_a_probe_ends_in_time_whatever_the_upstream_does(
    name: str, upstream: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "TOTAL_S", 0.3)
    for switches in ("chat;hang", "chat;hang_at=0", "chat;hang_at=1"):
        (made,) = apply(model(name, endpoints=[at(upstream, switches)]))
        began = time.monotonic()
        assert "timed out" in model_enable(model=made, actor="tests")
        assert time.monotonic() - began < 1.5


def test_a_trickling_answer_cannot_hold_a_probe(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "TOTAL_S", 0.4)
    stop = threading.Event()

    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"y")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        (made,) = apply(model(name, endpoints=[{"vendor": "ollama", "inference_url": url, "model": "m"}]))
        began = time.monotonic()
        assert "timed out" in model_enable(model=made, actor="tests")
        assert time.monotonic() - began < 2
        stop.set()
        thread.join()


def test_the_limits_of_a_probe_fit_its_lease_and_the_limit_of_checking() -> None:
    assert probes.TOTAL_S + probes.CONNECT_S < LEASE_S < CHECKING_LIMIT_S < 60


# --- leases ------------------------------------------------------------------------------------------
@pytest.fixture
def wanted(name: str, upstream: SimulatorThread) -> Model:
    (made,) = apply(model(name, endpoints=[at(upstream)]))
    enabling_request(model=made, actor="tests")
    return made


def test_of_many_claimers_one_may_probe(wanted: Model) -> None:
    def claim(_: int) -> bool:
        try:
            return enabling_claim(model_id=wanted.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1


def test_a_lease_that_ran_out_is_claimed_again(wanted: Model) -> None:
    assert enabling_claim(model_id=wanted.pk)
    assert wanted.pk not in enabling_unclaimed()
    Model.objects.filter(pk=wanted.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert wanted.pk in enabling_unclaimed()
    assert enabling_claim(model_id=wanted.pk)


def test_checking_never_outlives_its_limit(wanted: Model) -> None:
    enabling_claim(model_id=wanted.pk)
    late = timezone.now() - timedelta(seconds=CHECKING_LIMIT_S + 1)
    Model.objects.filter(pk=wanted.pk).update(checking_since=late)
    assert wanted.pk not in enabling_unclaimed()
    state, reason = state_of(wanted.name)
    assert state == "disabled"
    assert "no probe finished within" in reason


def test_a_probe_that_comes_late_changes_nothing(wanted: Model) -> None:
    enabling_claim(model_id=wanted.pk)
    model_disable(model=wanted, actor="tests")
    enabling_finish(model_id=wanted.pk, answered=True, reason="")
    assert state_of(wanted.name)[0] == "disabled"
    enabling_request(model=wanted, actor="tests")
    enabling_finish(model_id=wanted.pk, answered=True, reason="")
    enabling_finish(model_id=wanted.pk, answered=False, reason="a slower probe")
    assert state_of(wanted.name) == ("enabled", "")


def test_enabling_again_takes_a_served_model_from_nobody(name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream)]))
    model_enable(model=made, actor="tests")
    apply(model(name, endpoints=[at(upstream, "chat;status=500")]))
    made.refresh_from_db()
    assert "HTTP 500" in model_enable(model=made, actor="tests")
    assert state_of(name)[0] == "enabled", "what an endpoint does is its health, not the admin's wish"
    assert endpoint_of(made).health == "down"


def test_a_probe_of_another_process_is_waited_for(wanted: Model) -> None:
    assert enabling_claim(model_id=wanted.pk)

    def other() -> None:
        try:
            time.sleep(0.3)
            enabling_finish(model_id=wanted.pk, answered=True, reason="")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(other)
        assert model_enable(model=wanted, actor="tests") == ""


def test_the_task_probes_what_nobody_has_claimed(wanted: Model) -> None:
    tasks.model_enabling(wanted.pk)
    assert state_of(wanted.name) == ("enabled", "")
    tasks.model_enabling(wanted.pk)
    tasks.model_enabling(10**9)


def test_the_tick_sends_out_what_is_due(wanted: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(tasks.model_enabling, "delay", sent.append)
    monkeypatch.setattr(tasks.endpoint_health, "delay", sent.append)
    tasks.lifecycle_tick()
    assert wanted.pk in sent


# --- health ------------------------------------------------------------------------------------------
def test_health_goes_down_after_two_failures_and_back_with_one_answer(
    name: str, upstream: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.services.SECOND_LOOK_S", 0.01)
    served = f"chat-{name}"
    (made,) = apply(model(name, endpoints=[at(upstream, served)]))
    model_enable(model=made, actor="tests")
    found = endpoint_of(made)
    before = Model.objects.get(pk=made.pk).revision
    upstream.clear()
    upstream.set_down(models=[served])
    time.sleep(0.05)
    tasks.endpoint_health(found.pk)
    assert len(upstream.requests) == 2, "a single bad answer takes nobody down"
    endpoint_reprobe(endpoint_id=found.pk)
    assert len(upstream.requests) == 3, "who is down is looked at once"
    upstream.set_down(False, models=[served])
    time.sleep(0.05)
    endpoint_reprobe(endpoint_id=found.pk)
    changes = HealthChange.objects.filter(endpoint=found).order_by("id").values_list("old", "new")
    assert list(changes) == [("unknown", "up"), ("up", "down"), ("down", "up")]
    assert "HTTP 503" in HealthChange.objects.filter(endpoint=found, new="down").get().reason
    assert Model.objects.get(pk=made.pk).revision > before
    assert state_of(name)[0] == "enabled", "health is not the admin's wish"


def test_one_failure_between_two_answers_changes_nothing(
    name: str, upstream: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.services.SECOND_LOOK_S", 0.01)
    (made,) = apply(model(name, endpoints=[at(upstream, f"chat-{name};fail_first=1")]))
    found = endpoint_of(made)
    endpoint_reprobe(endpoint_id=found.pk)
    assert endpoint_of(made).health == "up"


def test_an_endpoint_that_is_gone_is_no_error(database: None) -> None:
    endpoint_reprobe(endpoint_id=10**9)
    assert not health_observe(endpoint_id=10**9, health="up", reason="")


def test_of_many_who_look_one_claims_a_due_probe(name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream)]))
    model_enable(model=made, actor="tests")
    pk = endpoint_of(made).pk
    Endpoint.objects.exclude(pk=pk).update(probe_due_at=timezone.now() + timedelta(hours=1))
    Endpoint.objects.filter(pk=pk).update(probe_due_at=timezone.now() - timedelta(seconds=1))

    def claim(_: int) -> list[int]:
        try:
            return probes_claim(interval_s=60)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        claims = [one for found in pool.map(claim, range(6)) for one in found]
    assert claims == [pk]
    assert probes_claim(interval_s=60) == []
    model_disable(model=made, actor="tests")
    Endpoint.objects.filter(pk=pk).update(probe_due_at=timezone.now())
    assert probes_claim(interval_s=60) == [], "a model that is off costs no probes"


# --- commands ----------------------------------------------------------------------------------------
def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_registry_apply_applies_and_enables(name: str, upstream: SimulatorThread, tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(text(model(name, endpoints=[at(upstream)])))
    assert command("registry_apply", str(file)) == "applied 1 models"
    assert state_of(name)[0] == "disabled"
    assert f"{name}: enabled" in command("registry_apply", str(file), "--enable")
    assert state_of(name)[0] == "enabled"


def test_registry_apply_fails_where_one_model_does_not_enable(
    name: str, upstream: SimulatorThread, tmp_path: Path
) -> None:
    file = tmp_path / "models.yaml"
    bad = model(f"{name}-bad", endpoints=[at(upstream, "chat;status=401")])
    unpriced = model(f"{name}-unpriced", price=None, endpoints=[at(upstream)])
    file.write_text(text(model(name, endpoints=[at(upstream)]), bad, unpriced))
    out = io.StringIO()
    with pytest.raises(CommandError, match="2 of 3 models did not enable"):
        call_command("registry_apply", str(file), "--enable", stdout=out)
    assert f"{name}: enabled" in out.getvalue()
    assert f"{name}-bad: not enabled: auth: HTTP 401" in out.getvalue()
    assert "has no price" in out.getvalue()


@pytest.mark.parametrize("content", [None, b"models: [", b"\xff\xfe\x00", b"models: []"])
def test_registry_apply_refuses_what_it_cannot_read(database: None, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "models.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=r"models\.yaml"):
        command("registry_apply", str(file))


def test_models_are_switched_by_commands_whatever_their_name(name: str, upstream: SimulatorThread) -> None:
    served = f"BAAI/{name}:1.5b"
    apply(model(served, endpoints=[at(upstream)]))
    assert command("model_enable", served) == f"{served} enabled"
    assert command("model_disable", served) == f"{served} disabled"
    assert state_of(served)[0] == "disabled"
    for verb in ("model_enable", "model_disable"):
        with pytest.raises(CommandError, match="there is no model 'nobody'"):
            command(verb, "nobody")


def test_model_enable_fails_with_the_reason(name: str, upstream: SimulatorThread) -> None:
    apply(model(name, endpoints=[at(upstream, "chat;status=500")]))
    with pytest.raises(CommandError, match="was not enabled: answer: HTTP 500"):
        command("model_enable", name)
    apply(model(f"{name}-free", price=None, endpoints=[at(upstream)]))
    with pytest.raises(CommandError, match="has no price"):
        command("model_enable", f"{name}-free")


def test_users_and_keys_are_made_and_revoked_by_commands(name: str) -> None:
    assert command("user_create", name, "a long pass phrase") == f"created user {name}"
    user = User.objects.get(username=name)
    assert balance_of(workspace=workspace_personal(user=user)).trial_nano == 40 * 10**9
    with pytest.raises(CommandError, match="is taken"):
        command("user_create", name, "a long pass phrase")
    secret = command("key_create", name, "--name", "test")
    assert secret.startswith("sk-")
    assert len(secret.split()) == 1
    key = ApiKey.objects.get(user=user)
    assert (key.prefix, key.scope) == (secret[:11], "inference")
    assert command("key_create", name, "--name", "m", "--scope", "management").startswith("sk-")
    assert command("key_revoke", key.prefix).endswith("revoked")
    key.refresh_from_db()
    assert key.revoked_at
    assert command("key_revoke", secret).endswith("was revoked before")
    with pytest.raises(CommandError, match="there is no user"):
        command("key_create", "nobody-at-all", "--name", "x")
    with pytest.raises(CommandError, match="no key begins"):
        command("key_revoke", "sk-00000000")
