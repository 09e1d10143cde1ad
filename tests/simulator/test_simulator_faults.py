from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from simulator_caller import CHAT, QUESTION

if TYPE_CHECKING:
    from simulator_caller import Caller


def contents(lines: list[str]) -> list[str]:
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk.get("choices")]
    return [delta["content"] for delta in deltas if delta.get("content")]


def open_stream(caller: Caller, model: str) -> socket.socket:
    address = urlsplit(caller.upstream.url)
    body = json.dumps({"model": model, "messages": QUESTION, "stream": True}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    connection = socket.create_connection((address.hostname, address.port), timeout=5)
    connection.sendall(head + body)
    return connection


def wait_for_departure(caller: Caller) -> float:
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        closed_at = caller.upstream.requests[-1].closed_at
        if closed_at is not None:
            return closed_at
        time.sleep(0.005)
    raise AssertionError("the departure was not noticed")


@pytest.mark.parametrize(("k", "arrived"), [(0, []), (1, ["w1 "]), (3, ["w1 ", "w2 ", "w3 "])])
def test_a_stream_is_cut_after_chunk_k(caller: Caller, k: int, arrived: list[str]) -> None:
    lines, error = caller.broken_stream(f"m;chunks=3;cut={k}")
    assert contents(lines) == arrived
    assert isinstance(error, httpx.RemoteProtocolError)
    recorded = caller.upstream.requests[-1]
    assert (recorded.finished, recorded.closed_at) == (False, None)


def test_a_cut_beyond_the_end_never_happens(caller: Caller) -> None:
    assert caller.broken_stream("m;chunks=3;cut=4")[1] is None


def test_a_cut_counts_content_not_reasoning(caller: Caller) -> None:
    lines, _ = caller.broken_stream("m;chunks=3;reasoning=2;cut=1")
    assert contents(lines) == ["w1 "]


def test_json_is_cut_in_mid_body(caller: Caller) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        caller.chat("m;cut=1")


@pytest.mark.parametrize("stream", [False, True])
def test_a_reset_leaves_no_byte(caller: Caller, stream: bool) -> None:
    with pytest.raises(httpx.ReadError, match="reset"):
        caller.chat("m;reset", stream=stream)


def test_a_stream_is_reset_after_chunk_k(caller: Caller) -> None:
    lines, error = caller.broken_stream("m;reset_at=2")
    assert contents(lines) == ["w1 ", "w2 "]
    assert isinstance(error, httpx.ReadError)


def test_json_is_reset_in_mid_body(caller: Caller) -> None:
    with pytest.raises(httpx.ReadError, match="reset"):
        caller.chat("m;reset_at=2")


def test_a_hanging_call_is_never_answered_and_its_end_is_noticed(caller: Caller) -> None:
    start = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        caller.http.post(CHAT, json={"model": "m;hang", "messages": QUESTION}, timeout=0.1)
    assert wait_for_departure(caller) - start >= 0.1
    assert not caller.upstream.requests[-1].finished


@pytest.mark.parametrize(("k", "seen"), [(0, b"\r\n\r\n"), (2, b"w2 ")])
def test_a_stream_stalls_after_chunk_k(caller: Caller, k: int, seen: bytes) -> None:
    with open_stream(caller, f"m;hang_at={k}") as connection:
        received = b""
        while seen not in received:
            received += connection.recv(65536)
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(65536)
    assert b"w3 " not in received
    wait_for_departure(caller)


def test_json_stalls_in_mid_body(caller: Caller) -> None:
    with pytest.raises(httpx.ReadTimeout):
        caller.http.post(CHAT, json={"model": "m;hang_at=1", "messages": QUESTION}, timeout=0.1)


def test_an_error_event_ends_the_stream(caller: Caller) -> None:
    events = caller.stream("m;chunks=5;error_at=2;status_body=broken")
    assert len(events) == 4
    assert events[-1]["error"]["message"] == "broken"
    assert [set(event) for event in caller.stream("m;error_at=0")] == [{"error"}]


def test_an_empty_answer_is_just_done_or_empty_content(caller: Caller) -> None:
    assert caller.stream("m;empty") == ["[DONE]"]
    reply = caller.reply("m;empty")
    assert reply["choices"][0]["message"]["content"] == ""
    assert reply["usage"]["completion_tokens"] == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_body_can_have_no_length(caller: Caller, stream: bool) -> None:
    response = caller.chat("m;empty=body", stream=stream)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == "0"


def test_a_stream_can_end_without_an_event(caller: Caller) -> None:
    response = caller.chat("m;empty=eof", stream=True)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert caller.chat("m;empty=eof").content == b""


def test_content_can_be_huge(caller: Caller) -> None:
    assert len(caller.reply("m;huge=100003")["choices"][0]["message"]["content"]) == 100_003
    lines, _ = caller.broken_stream("m;huge=100003;chunks=2")
    assert [len(text) for text in contents(lines)] == [50_002, 50_001]
    embedding = caller.post("/v1/embeddings", {"model": "e;huge=70000", "input": "a"})
    assert len(embedding.content) == 70_000
    assert embedding.json()["data"]


def test_a_byte_can_be_no_utf8(caller: Caller) -> None:
    raw = caller.raw_stream("m;badutf8;chunks=3")
    assert raw.count(b"\xff") == 1
    assert b'"content":"\xffw1 ' in raw
    assert caller.chat("m;badutf8").content.count(b"\xff") == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/embeddings", {"input": "hi"}), ("/v1/rerank", {"query": "q", "documents": ["a"]}),
     ("/v1/rerank", {"query": "q", "texts": ["a"]})],
)  # fmt: skip
def test_a_reply_without_words_is_spoiled_in_its_names(caller: Caller, path: str, body: dict[str, Any]) -> None:
    assert caller.post(path, {"model": "m;badutf8", **body}).content.count(b"\xff") == 1


def test_frames_can_end_in_crlf(caller: Caller) -> None:
    raw = caller.raw_stream("m;crlf;chunks=1")
    assert raw.count(b"\r\n\r\n") == 4
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_frames_arrive_split_inside_a_character(caller: Caller) -> None:
    body = {"model": "m;half;chunks=2", "messages": QUESTION, "stream": True}
    with caller.http.stream("POST", CHAT, json=body) as response:
        parts = list(response.iter_raw())
    whole = b"".join(parts).decode()
    assert "字1 " in whole
    assert "字2 " in whole
    assert whole.endswith("data: [DONE]\n\n")
    assert any(part.endswith("字".encode()[:1]) for part in parts)
    assert "\n" in [part.decode(errors="replace") for part in parts]


def test_done_can_be_missing(caller: Caller) -> None:
    events = caller.stream("m;no_done;chunks=1")
    assert events[-1]["usage"]["completion_tokens"] == 1


def test_comments_stand_between_events(caller: Caller) -> None:
    frames = caller.raw_stream("m;comment;chunks=1").split(b"\n\n")
    assert frames[0] == frames[2] == b": keep-alive"
    assert frames[-2] == b"data: [DONE]"


def test_chunks_can_take_their_time(caller: Caller) -> None:
    start = time.monotonic()
    assert len(caller.stream("m;chunks=3;chunk_ms=30")) == 7
    assert 0.09 <= time.monotonic() - start < 1


def test_a_long_stream_leaves_room_for_others_and_for_leaving(caller: Caller) -> None:
    with open_stream(caller, "m;chunks=10000;huge=200000000") as connection:
        connection.recv(1024)
        assert caller.http.get("/healthz").status_code == 200
    wait_for_departure(caller)


def test_leaving_a_slow_stream_is_noticed(caller: Caller) -> None:
    with open_stream(caller, "m;chunk_ms=20000") as connection:
        connection.recv(1024)
    wait_for_departure(caller)
    assert not caller.upstream.requests[-1].finished


def test_leaving_after_done_counts_as_finished(caller: Caller) -> None:
    with open_stream(caller, "m") as connection:
        received = b""
        while b"[DONE]" not in received:
            received += connection.recv(65536)
    time.sleep(0.02)
    recorded = caller.upstream.requests[-1]
    assert (recorded.finished, recorded.closed_at) == (True, None)
