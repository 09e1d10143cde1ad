from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from simulator.recorder import Recorded, Recorder
from simulator.server import SimulatorThread

if TYPE_CHECKING:
    from simulator_caller import Caller


def recorded(body: bytes = b"") -> Recorded:
    return Recorded("POST", "/", "", {}, body)


def test_a_request_is_kept_whole(caller: Caller) -> None:
    caller.post("/v1/chat/completions?a=1", {"model": "m", "messages": [{"content": "a"}]}, X_Thing="Yes")
    (request,) = caller.upstream.requests
    assert (request.method, request.path, request.query) == ("POST", "/v1/chat/completions", "a=1")
    assert request.headers["x-thing"] == "Yes"
    assert request.json == {"model": "m", "messages": [{"content": "a"}]}
    assert request.body.startswith(b"{")
    assert (request.finished, request.closed_at) == (True, None)


def test_requests_are_shown_with_their_key_masked(caller: Caller) -> None:
    caller.post("/v1/chat/completions", {"model": "m"}, Authorization="Bearer sk-secret-1234")
    caller.http.post("/v1/other", content=b"\xffplain")
    first, second = caller.http.get("/_sim/requests").json()
    assert (first["headers"]["authorization"], first["json"], first["text"]) == (
        "…1234",
        {"model": "m"},
        None,
    )
    assert (second["path"], second["json"], second["text"]) == ("/v1/other", None, "\ufffdplain")
    assert second["finished"] is True


def test_requests_can_be_cleared(caller: Caller) -> None:
    caller.chat("m")
    assert caller.http.delete("/_sim/requests").status_code == 204
    assert caller.http.get("/_sim/requests").json() == []


def test_the_last_200_are_shown(caller: Caller) -> None:
    for _ in range(201):
        caller.http.get("/v1/models")
    assert len(caller.http.get("/_sim/requests").json()) == 200
    assert len(caller.upstream.requests) == 201


def test_a_recorder_is_bounded_in_number_and_bytes() -> None:
    recorder = Recorder(requests_max=3, body_bytes_max=10)
    for body in (b"1", b"2", b"3", b"4"):
        recorder.add(recorded(body))
    assert [r.body for r in recorder.last()] == [b"2", b"3", b"4"]
    recorder.add(recorded(b"123456789"))
    assert [r.body for r in recorder.last()] == [b"4", b"123456789"]


def test_two_threads_have_their_own_ports_and_records() -> None:
    with SimulatorThread() as one, SimulatorThread() as two:
        assert one.url != two.url
        httpx.get(f"{one.url}/v1/models")
        assert (len(one.requests), len(two.requests)) == (1, 0)


def test_a_port_in_use_is_told(upstream: SimulatorThread) -> None:
    port = int(upstream.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"), SimulatorThread(port=port):
        pass


def test_a_thread_stops_with_calls_still_hanging() -> None:
    with SimulatorThread() as upstream, httpx.Client(base_url=upstream.url, timeout=0.1) as http:
        with pytest.raises(httpx.ReadTimeout):
            http.get("/v1/models", headers={"X-Sim": "hang"})
        url = upstream.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
