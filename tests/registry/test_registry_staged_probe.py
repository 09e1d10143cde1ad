"""A probe in stages, over real sockets: each kind of mistake ends in its own stage, with the upstream's words."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from inference.probing import staged as probing
from inference.probing.findings import reply_beginning
from inference.probing.report import STAGES, Draft, Report
from inference.probing.staged import staged_probe
from models_registry.certificates import certificates_checked
from models_registry.models import Endpoint, Model
from simulator.server import SimulatorThread

KEY = "sk-canary-5c0ffee-key"


def probe(upstream: SimulatorThread, path: str = "/v1", **fields: Any) -> Report:
    draft = {"vendor": "openai_compatible", "kind": "llm", "upstream_model": "chat", "inference_url": ""}
    draft |= {"inference_url": f"{upstream.url}{path}", **fields}
    return staged_probe(Draft(**draft))


def states(report: Report) -> dict[str, str]:
    return {name: stage.state for name, stage in report.stages.items()}


def test_a_good_endpoint_passes_every_stage(upstream: SimulatorThread) -> None:
    upstream.clear()
    report = probe(upstream, api_key=KEY)
    assert states(report) == {
        "resolve": "ok",
        "connect": "ok",
        "tls": "skipped",
        "auth": "ok",
        "model": "ok",
        "call": "ok",
    }
    assert report.stages["resolve"].facts == {"addresses": ["127.0.0.1"]}
    assert report.stages["model"].facts == {"count": 5}
    assert report.stages["call"].facts["status"] == 200
    assert all(stage.duration_ms is not None for stage in report.stages.values())
    asked = [(one.method, one.path) for one in upstream.requests]
    assert asked == [("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("POST", "/v1/chat/completions")]
    assert all(one.headers["authorization"] == f"Bearer {KEY}" for one in upstream.requests)


@pytest.mark.parametrize(
    ("vendor", "kind", "path"),
    [
        ("openai_compatible", "embedding", "/v1"),
        ("openai_compatible", "rerank", "/v1"),
        ("yuanjing", "rerank", "/openapi/bge/v1"),
        ("yuanjing", "ocr", "/openapi/v1"),
        ("simulator", "ocr", "/v1"),
        ("simulator", "rerank", "/v1"),
    ],
)
def test_every_kind_is_called_in_its_own_way(upstream: SimulatorThread, vendor: str, kind: str, path: str) -> None:
    report = probe(upstream, path, vendor=vendor, kind=kind, upstream_model=kind)
    assert report.failed is None
    assert report.passed_count == 6
    assert report.reply


def test_a_wrong_key_fails_at_auth_with_the_upstreams_words(upstream: SimulatorThread) -> None:
    report = probe(upstream, "/sim;key=right/v1", api_key=KEY)
    assert states(report)["auth"] == "failed"
    assert states(report)["model"] == states(report)["call"] == "waiting"
    failure = report.stages["auth"].failure
    assert failure is not None
    assert (failure.method, failure.status) == ("GET", 401)
    assert failure.url == f"{upstream.url}/sim;key=right/v1/models"
    assert failure.words


def test_a_key_that_only_the_call_refuses_is_the_auth_stages_failure(upstream: SimulatorThread) -> None:
    report = probe(upstream, upstream_model=f"chat;status=401;status_body=bad key {KEY}", api_key=KEY)
    assert (states(report)["auth"], states(report)["call"]) == ("failed", "waiting")
    failure = report.stages["auth"].failure
    assert failure is not None
    assert failure.words == "bad key ***"
    assert (failure.method, failure.status) == ("POST", 401)


def test_the_bare_key_is_sent_bare(upstream: SimulatorThread) -> None:
    upstream.clear()
    assert probe(upstream, "/sim;key_raw=right/v1", api_key="right", auth="raw").failed is None
    assert {one.headers["authorization"] for one in upstream.requests} == {"right"}


def test_a_model_that_the_list_lacks_is_a_warning_with_near_names(upstream: SimulatorThread) -> None:
    report = probe(upstream, upstream_model="Embeding")
    assert states(report)["model"] == "warning"
    assert report.stages["model"].facts["near"] == ["embedding"]
    assert states(report)["call"] == "ok", "a list may be incomplete: the call decides"


def test_a_model_that_is_not_there_fails_at_model(upstream: SimulatorThread) -> None:
    report = probe(upstream, upstream_model="nope;status=404;status_body=it does not exist")
    assert (states(report)["model"], states(report)["call"]) == ("failed", "waiting")
    failure = report.stages["model"].failure
    assert failure is not None
    assert (failure.words, failure.status) == ("it does not exist", 404)


def test_a_wrong_path_says_404_the_url_and_the_words(upstream: SimulatorThread) -> None:
    report = probe(upstream, "/v1/nowhere", kind="rerank", upstream_model="rerank", vendor="yuanjing")
    assert report.failed is None, "the simulator takes any prefix"
    report = probe(upstream, upstream_model="chat;status=404;status_body=POST /v1/chat/completions is not here")
    failure = report.stages["call"].failure
    assert failure is not None
    assert failure.status == 404
    assert failure.url == f"{upstream.url}/v1/chat/completions"
    assert failure.words == "POST /v1/chat/completions is not here"
    assert failure.code == "path"


def test_where_a_path_is_wrong_the_suggestion_is_called_too(upstream: SimulatorThread) -> None:
    called = f"{upstream.url}/v1/v1/chat/completions", f"{upstream.url}/v1/chat/completions"
    attempts = probe(upstream, "/v1/v1").attempts
    assert [(attempt.url, attempt.status) for attempt in attempts] == [(called[0], 404), (called[1], 200)]
    assert [attempt.status for attempt in probe(upstream, "").attempts] == [200], "a good call is enough"


def test_a_closed_port_fails_at_connect(upstream: SimulatorThread) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    report = probe(upstream, inference_url=f"http://127.0.0.1:{port}/v1")
    assert states(report) == dict(zip(STAGES, ["ok", "failed", *["waiting"] * 4], strict=True))
    failure = report.stages["connect"].failure
    assert failure is not None
    assert failure.code == "refused"
    assert "refused" in failure.words


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://10.0.0.1/v1", "blocked"),
        ("http://[fd12::1]/v1", "blocked"),
        ("http://169.254.169.254/v1", "metadata"),
        ("http://nowhere.invalid/v1", "no_name"),
        ("nonsense", "no_url"),
        ("ftp://h.com/v1", "no_url"),
        ("http://[::1/v1", "no_url"),
        ("", "no_url"),
    ],
)
def test_an_address_that_cannot_be_called_fails_at_resolve(upstream: SimulatorThread, url: str, code: str) -> None:
    report = probe(upstream, inference_url=url)
    assert states(report)["resolve"] == "failed"
    failure = report.stages["resolve"].failure
    assert failure is not None
    assert failure.code == code
    assert all(state == "waiting" for name, state in states(report).items() if name != "resolve")


def test_https_on_a_plain_port_fails_at_tls(upstream: SimulatorThread) -> None:
    report = probe(upstream, inference_url=f"{upstream.url.replace('http:', 'https:')}/v1")
    assert states(report)["tls"] == "failed"
    failure = report.stages["tls"].failure
    assert failure is not None
    assert failure.code == "plain"


def test_tls_says_its_version_and_how_long_the_certificate_lasts(tmp_path: Path) -> None:
    file = certificate(tmp_path, days=30)
    with tls_upstream(file) as url:
        report = staged_probe(Draft("openai_compatible", "llm", url, "m"))
        failure = report.stages["tls"].failure
        assert failure is not None
        assert (failure.code, failure.words) == ("certificate", "self-signed certificate")
        trusted = certificates_checked(file.read_text().partition("PRIVATE KEY-----\n")[2].partition("KEY-----\n")[2])
        report = staged_probe(Draft("openai_compatible", "llm", url, "m", ca_certificates=trusted))
    assert states(report)["tls"] == "ok"
    assert report.stages["tls"].facts == {"version": "TLS 1.3", "days_left": 29}


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ("status=500;status_body=kaputt", "kaputt"),
        ("html=502", "nginx"),
        ("error200;status_body=overloaded", "overloaded"),
        ("empty=body", "the reply is not JSON"),
    ],
)
def test_other_failures_are_the_calls(upstream: SimulatorThread, switches: str, words: str) -> None:
    report = probe(upstream, upstream_model=f"chat;{switches}")
    assert states(report)["call"] == "failed"
    failure = report.stages["call"].failure
    assert failure is not None
    assert words in failure.words


def test_an_upstream_without_a_list_is_judged_by_the_call() -> None:
    with bare_upstream(b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}') as url:
        report = staged_probe(Draft("openai_compatible", "llm", url, "m", KEY))
    assert states(report)["auth"] == states(report)["model"] == states(report)["call"] == "ok"
    assert report.stages["auth"].facts == {"by_call": True}
    assert report.findings.usage is False, "it sent none"


def test_an_upstream_that_only_streams_is_found_out(upstream: SimulatorThread) -> None:
    report = probe(upstream, upstream_model="chat;stream_only")
    assert states(report)["call"] == "failed"
    assert report.stages["call"].facts["stream_only"] is True
    assert probe(upstream, upstream_model="chat;stream_only", stream_only=True).failed is None


# --- what is found ----------------------------------------------------------------------------------
def test_abilities_are_only_what_was_seen(upstream: SimulatorThread) -> None:
    found = probe(upstream).findings
    assert (found.usage, found.streams, found.thinking) == (True, True, "none")
    assert found.input_tokens is not None
    assert found.first_ms is not None
    assert probe(upstream, upstream_model="chat;think").findings.thinking == "content"
    assert probe(upstream, upstream_model="chat;reasoning=3").findings.thinking == "field"
    assert probe(upstream, upstream_model="chat;usage=none").findings.usage is False
    embedding = probe(upstream, kind="embedding", upstream_model="embedding;dims=12").findings
    assert (embedding.dimensions, embedding.streams, embedding.thinking) == (12, None, None)


def test_the_reply_is_shown_cut_and_without_the_key(upstream: SimulatorThread) -> None:
    report = probe(upstream, upstream_model=f"chat;text={KEY}", api_key=KEY)
    assert '"choices"' in report.reply
    assert KEY not in report.reply
    vectors = probe(upstream, kind="embedding", upstream_model="embedding;dims=900").reply
    assert "… 897" in vectors
    assert len(vectors) < 1_700
    assert reply_beginning(b"<html>") == "<html>"


def test_the_key_stands_nowhere_in_a_report(upstream: SimulatorThread) -> None:
    for switches in ("status=401", "status=404", "status=500", "error200"):
        report = probe(upstream, upstream_model=f"chat;{switches};status_body=it was {KEY}", api_key=KEY)
        assert KEY not in repr([stage.failure and stage.failure.words for stage in report.stages.values()])
    assert KEY not in repr(Draft("ollama", "llm", "http://h/v1", "m", KEY))


# --- limits -----------------------------------------------------------------------------------------
def test_a_probe_ends_in_time_whatever_the_upstream_does(
    upstream: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "TOTAL_S", 0.6)
    for switches in ("hang", "hang_at=0"):
        began = time.monotonic()
        report = probe(upstream, upstream_model=f"chat;{switches}")
        assert states(report)["call"] == "failed"
        assert time.monotonic() - began < 2


def test_nothing_is_written(upstream: SimulatorThread, database: None) -> None:
    before = Model.objects.count(), Endpoint.objects.count()
    probe(upstream)
    assert (Model.objects.count(), Endpoint.objects.count()) == before


# --- helpers ----------------------------------------------------------------------------------------
def certificate(folder: Path, *, days: int) -> Path:
    """A self-signed one for localhost, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "localhost.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@contextmanager
def tls_upstream(file: Path) -> Iterator[str]:
    """Shakes hands, and says nothing more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    with connection, context.wrap_socket(connection, server_side=True):
                        pass
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}/v1"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@contextmanager
def bare_upstream(body: bytes) -> Iterator[str]:
    """Answers every POST with one JSON body, and every GET with 404. One thread, one connection at a time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    asked = connection.recv(65_536)
                    status, said = ("200 OK", body) if asked.startswith(b"POST") else ("404 Not Found", b"{}")
                    if asked:
                        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(said)}\r\n\r\n"
                        connection.sendall(head.encode() + said)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
