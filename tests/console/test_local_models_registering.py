"""The registrar's steps, without processes: the first run registers, later runs respect what the admin did."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path

import pytest

from console import local_upstreams
from console.local_record import LocalRecord
from console.local_upstreams import Upstream, database_name, endpoints_move
from local_models.catalog import LocalModel
from models_registry.models import Model
from models_registry.services import enabling_finish, model_disable

serial = count(1)


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def server_port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def hinted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    ids: list[int] = []
    monkeypatch.setattr(local_upstreams, "hint", ids.append)
    return ids


@pytest.fixture
def upstream(
    database: None, tmp_path: Path, server_port: int, hinted: list[int], monkeypatch: pytest.MonkeyPatch
) -> Upstream:
    model = LocalModel(
        slug="llm",
        kind="llm",
        name=f"local-{next(serial)}",
        upstream_model="small",
        vendor="openai_compatible",
        inference_path="/v1",
        health_path="/health",
        distributions=(),
        price={"input": "0.5", "output": "1"},
    )
    record = LocalRecord(tmp_path / "local_models.json")
    monkeypatch.setattr("console.local_record.port_choose", lambda taken: server_port)
    record.port_take("llm")
    return Upstream(model, record, say=lambda text: None)


def looks(upstream: Upstream, times: int) -> None:
    for _ in range(times):
        upstream.look()


def stored(upstream: Upstream) -> Model:
    return Model.objects.get(name=upstream.model.name)


def again(upstream: Upstream) -> Upstream:
    """The next run on the same data."""
    return Upstream(upstream.model, LocalRecord(upstream.record.path), say=lambda text: None)


def test_the_first_run_registers_the_model_and_asks_for_it_to_be_enabled(
    upstream: Upstream, server_port: int, hinted: list[int]
) -> None:
    looks(upstream, 2)
    model = stored(upstream)
    assert model.state == Model.State.CHECKING
    assert model.endpoints.get().inference_url == f"http://127.0.0.1:{server_port}/v1"
    assert model.prices.count() == 1
    assert hinted == [model.pk]
    assert upstream.record.is_registered("llm", database_name())


def test_a_failed_probe_is_asked_for_again_a_few_times(upstream: Upstream, hinted: list[int]) -> None:
    looks(upstream, 2)
    for _ in range(6):
        enabling_finish(model_id=stored(upstream).pk, answered=False, reason="answer: timed out")
        upstream.look()
    assert stored(upstream).state == Model.State.DISABLED
    assert len(hinted) == 1 + local_upstreams.ENABLING_ATTEMPTS


def test_a_model_that_the_admin_disabled_stays_so(upstream: Upstream, hinted: list[int]) -> None:
    looks(upstream, 2)
    model_disable(model=stored(upstream), actor="admin")
    looks(upstream, 2)
    looks(again(upstream), 3)
    assert stored(upstream).state == Model.State.DISABLED
    assert len(hinted) == 1


def test_a_model_that_the_admin_deleted_stays_away(upstream: Upstream) -> None:
    looks(upstream, 2)
    stored(upstream).delete()
    looks(upstream, 2)
    looks(again(upstream), 3)
    assert not Model.objects.filter(name=upstream.model.name).exists()


def test_a_model_of_that_name_made_by_an_admin_is_left_alone(upstream: Upstream, hinted: list[int]) -> None:
    Model.objects.create(name=upstream.model.name, kind="llm", revision=1)
    looks(upstream, 4)
    assert stored(upstream).endpoints.count() == 0
    assert hinted == []


def test_a_move_to_another_port_changes_the_endpoint_of_the_old_one_alone(upstream: Upstream, server_port: int) -> None:
    looks(upstream, 2)
    model = stored(upstream)
    before = model.revision
    theirs = "http://127.0.0.1:9/v1"
    model.endpoints.create(vendor="openai_compatible", inference_url=theirs, upstream_model="other")
    endpoints_move(model=upstream.model, ports=[server_port], port=4321)
    urls = set(model.endpoints.values_list("inference_url", flat=True))
    assert urls == {theirs, "http://127.0.0.1:4321/v1"}
    assert stored(upstream).revision > before


def test_an_error_is_said_once_and_the_step_tried_again(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class EnoughError(BaseException):
        pass

    sleeps = count(1)

    def sleep(seconds: float) -> None:
        if next(sleeps) == 3:
            raise EnoughError

    def broken(**_: object) -> bool:
        raise OSError("the disk is full")

    register: Callable[..., bool] = broken
    monkeypatch.setattr(local_upstreams, "model_register", register)
    monkeypatch.setattr(local_upstreams.time, "sleep", sleep)
    with pytest.raises(EnoughError):
        local_upstreams.look_after([upstream.model], upstream.record, lambda text: None)
    assert caplog.text.count("the disk is full") == 1
