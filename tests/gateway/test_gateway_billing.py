"""What calls cost, to the nano-yuan, and what happens to the money when something goes wrong."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from gateway_desk import CHAT, QUESTION, YUAN, Caller, Desk, chat_by_hand, wait_until

from billing.models import UsageRecord

CHAT_BODY = {"messages": QUESTION}


@pytest.mark.parametrize(
    ("price", "nano"),
    [
        ({"input": "2", "output": "8"}, 50 * 2000 + 20 * 8000),
        ({"input": "0.0000001", "output": "0"}, 0),  # 50 × 100 ÷ 1,000,000 = 0.005
        ({"input": "0.00001", "output": "0"}, 1),  # 0.5, and half up is 1
        ({"per_1k_tokens": "0.008"}, 70 * 8000),
        ({"per_call": "0.01"}, 10_000_000),
        ({"free": True}, 0),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_each_form_of_price_is_charged_exactly(caller: Caller, price: dict[str, Any], nano: int, stream: bool) -> None:
    model = caller.desk.model("chat;prompt=50;completion=20", price=price)
    assert caller.chat(model, stream=stream).status_code == 200
    record = caller.record()
    assert (record.cost_nano, record.uncollected_nano) == (nano, 0)
    assert record.trial_nano + record.paid_nano == nano
    assert caller.balance_nano == 1000 * YUAN - nano == record.balance_nano
    lines = json.loads(record.lines)
    assert sum(line[-1] for line in lines) == nano
    caller.holds_nothing()


def test_per_1k_prices_have_two_receipt_lines(caller: Caller) -> None:
    caller.chat(caller.desk.model("chat;prompt=50;completion=20", price={"per_1k_tokens": "0.008"}))
    lines = json.loads(caller.record().lines)
    assert [line[0] for line in lines] == ["input", "output"]


def test_a_free_model_serves_an_empty_wallet(desk: Desk) -> None:
    caller = desk.caller(0)
    model = desk.model(price={"free": True})
    assert caller.chat(model).status_code == 200
    assert caller.stream(model).is_done
    assert caller.record().held_nano == 0


def test_a_changed_price_counts_for_the_calls_after_it(caller: Caller) -> None:
    name = caller.desk.model("chat;prompt=1000;completion=0", price={"input": "1", "output": "1"})
    caller.chat(name)
    caller.desk.model("chat;prompt=1000;completion=0", name=name, price={"input": "3", "output": "1"}, enable=False)
    caller.desk.settle_snapshot()
    last = caller.record(caller.chat(name).headers["x-request-id"])
    assert last.cost_nano == 3_000_000


# --- the cap that the balance pays for ---------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({}, {"max_tokens": 5}),
        ({"max_tokens": 100}, {"max_tokens": 5}),
        ({"max_completion_tokens": 100}, {"max_completion_tokens": 5}),
        ({"max_tokens": 100, "max_completion_tokens": 90}, {"max_tokens": 5, "max_completion_tokens": 5}),
        ({"max_tokens": 4}, {"max_tokens": 4}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_cap_is_lowered_to_what_the_balance_pays_for(
    desk: Desk, fields: dict[str, int], sent: dict[str, int], stream: bool
) -> None:
    upstream = f"chat;chunks=50;finish={'-'.join(fields)}{sum(fields.values())}{stream}"
    caller = desk.caller("0.00006")  # 10 prompt tokens are 20,000 nano; five of output are 40,000
    model = desk.model(upstream)
    response = caller.chat(model, stream=stream, **fields)
    assert response.status_code == 200
    (asked,) = desk.asked(upstream)
    names = ("max_tokens", "max_completion_tokens")
    assert {name: asked.json[name] for name in names if name in asked.json} == sent
    assert caller.record().completion_tokens == min(sent.values())
    assert caller.balance_nano >= 0


def test_the_cap_of_a_rich_caller_is_left_alone(caller: Caller) -> None:
    model = caller.desk.model("chat;finish=rich", max_output_tokens=77)
    caller.chat(model)
    (asked,) = caller.desk.asked("chat;finish=rich")
    assert "max_tokens" not in asked.json
    assert caller.record().held_nano == 10 * 2000 + 77 * 8000


def test_one_nano_less_than_one_token_costs_is_402(desk: Desk) -> None:
    model = desk.model()
    assert desk.caller("0.000028").chat(model).status_code == 200
    assert desk.caller("0.000027999").chat(model).status_code == 402


# --- streams that outgrow their hold -----------------------------------------------------------------
def test_a_stream_that_outgrows_its_hold_extends_it(caller: Caller) -> None:
    model = caller.desk.model("chat;chunks=400;usage=none", max_output_tokens=10)
    answer = caller.stream(model)
    assert answer.is_done
    record = caller.record()
    assert record.leg_count >= 2
    assert record.uncollected_nano == 0
    assert record.held_nano >= record.cost_nano == 10 * 2000 + record.completion_tokens * 8000
    assert record.completion_tokens > 300
    caller.holds_nothing()


def test_a_stream_whose_extension_is_refused_ends_with_insufficient_balance(desk: Desk) -> None:
    caller = desk.caller("0.0005")
    model = desk.model("chat;chunks=2000;chunk_ms=1;usage=none", max_output_tokens=10)
    answer = caller.stream(model)
    assert not answer.is_done
    assert answer.error
    assert answer.error["code"] == "insufficient_balance"
    assert "¥" in answer.error["message"]
    record = caller.record()
    assert (record.outcome, record.error_code) == ("broken_off", "insufficient_balance")
    assert caller.balance_nano >= 0
    assert record.completion_tokens < 100
    caller.holds_nothing()


def test_a_cost_above_the_hold_is_taken_from_what_is_left_and_then_lost(desk: Desk) -> None:
    caller = desk.caller("0.001")
    model = desk.model("chat;prompt=10;completion=100000")
    response = caller.chat(model, max_tokens=5)
    assert response.headers["x-request-cost"] == "0.001000000"
    assert response.headers["x-account-balance"] == "0.000000000"
    record = caller.record()
    assert record.cost_nano == 10 * 2000 + 100_000 * 8000
    assert record.uncollected_nano == record.cost_nano - 1_000_000


# --- callers who leave -------------------------------------------------------------------------------
def read_until(connection: socket.socket, words: bytes) -> bytes:
    data = b""
    while words not in data:
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    return data


@pytest.mark.parametrize("chunk", [1, 5])
def test_a_caller_who_leaves_a_stream_pays_for_the_prompt_and_what_was_relayed(caller: Caller, chunk: int) -> None:
    upstream = f"chat;chunks=500;chunk_ms=30;finish=left{chunk}"
    model = caller.desk.model(upstream)
    with chat_by_hand(caller.desk.url, caller.secret, model, stream=True) as connection:
        read_until(connection, f"w{chunk} ".encode())
        left_at = time.monotonic()
    record = caller.record()
    assert (record.outcome, record.usage_source, record.error_code) == ("client_closed", "partial", "")
    assert record.prompt_tokens == 10, "as counted: the upstream had not said"
    assert chunk <= record.completion_tokens <= chunk + 5
    assert record.cost_nano == record.prompt_tokens * 2000 + record.completion_tokens * 8000
    (asked,) = caller.desk.asked(upstream)
    wait_until(lambda: asked.closed_at)
    assert asked.closed_at - left_at < 1.0
    caller.holds_nothing()


def test_a_caller_who_leaves_before_the_first_byte_pays_for_the_prompt(caller: Caller) -> None:
    for stream in (False, True):
        upstream = f"chat;first_ms=5000;finish=gone{stream}"
        with chat_by_hand(caller.desk.url, caller.secret, caller.desk.model(upstream), stream=stream):
            wait_until(lambda upstream=upstream: caller.desk.asked(upstream))
            left_at = time.monotonic()
        (asked,) = caller.desk.asked(upstream)
        wait_until(lambda asked=asked: asked.closed_at)
        assert asked.closed_at - left_at < 1.0
        caller.holds_nothing()
        record = caller.record()
        assert (record.outcome, record.prompt_tokens, record.completion_tokens) == ("client_closed", 10, 0)


def test_a_caller_who_leaves_after_the_usage_pays_what_the_upstream_said(caller: Caller) -> None:
    model = caller.desk.model("chat;chunks=3;usage=first;completion=3;prompt=7;chunk_ms=400")
    with chat_by_hand(caller.desk.url, caller.secret, model, stream=True) as connection:
        read_until(connection, b"w1 ")
    record = caller.record()
    assert record.prompt_tokens == 7
    assert record.completion_tokens == 1, "what was announced but never relayed is not charged"


def test_a_caller_who_takes_nothing_is_given_up_and_pays_for_what_was_relayed(hasty_desk: Desk) -> None:
    """The upstream is closed, the hold is settled: a stalled reader keeps no money and no model busy."""
    caller = hasty_desk.caller()
    upstream = "chat;huge=60000000;chunks=600"
    model = hasty_desk.model(upstream)
    with chat_by_hand(hasty_desk.url, caller.secret, model, stream=True):
        record = caller.record(seconds=5)
        caller.holds_nothing()
        (asked,) = hasty_desk.asked(upstream)
        wait_until(lambda: asked.closed_at)
    assert record.outcome == "client_closed"
    assert record.usage_source == "partial"
    assert 10_000 < record.completion_tokens < 15_000_000 * 0.3


def test_a_slow_reader_gets_everything(caller: Caller) -> None:
    model = caller.desk.model("chat;huge=2000000;chunks=200")
    body = {"model": model, "stream": True, **CHAT_BODY}
    size = 0
    with caller.desk.http.stream("POST", CHAT, json=body, headers=caller.headers) as response:
        for piece in response.iter_raw(65536):
            size += piece.count(b"x")
            time.sleep(0.005)
    assert size >= 2_000_000
    assert caller.record().outcome == "success"


# --- many at once ------------------------------------------------------------------------------------
def test_200_concurrent_calls_on_ten_fen_never_overspend(desk: Desk) -> None:
    caller = desk.caller("0.10")
    model = desk.model("chat;prompt=100;completion=500;first_ms=20")

    def call(number: int) -> int:
        with httpx.Client(base_url=desk.url, timeout=30, trust_env=False) as one:
            body = {"model": model, "max_tokens": 600, "stream": number % 2 == 0, **CHAT_BODY}
            return one.post(CHAT, json=body, headers=caller.headers).status_code

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(call, range(200)))
    assert set(statuses) <= {200, 402}
    caller.holds_nothing()
    each = 100 * 2000 + 500 * 8000
    assert statuses.count(200) >= 15, "what was refused for a hold is affordable again after it"
    assert 0 <= caller.balance_nano <= 100_000_000 - 15 * each
    assert caller.records() == statuses.count(200)


def test_callers_who_leave_at_any_moment_leave_no_hold_open(caller: Caller) -> None:
    """Two hundred connections closed after 0 to 20 ms: before, during and after the hold, the call and the bill."""
    model = caller.desk.model("chat;chunks=20;chunk_ms=1;first_ms=2")

    def leave(number: int) -> None:
        with chat_by_hand(caller.desk.url, caller.secret, model, stream=number % 3 != 0) as connection:
            time.sleep(number % 40 / 2000)
            if number % 2:  # a reset in place of a close
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(leave, range(200)))
    caller.holds_nothing(seconds=5)
    response = caller.chat(model)
    assert response.status_code == 200
    spent = 1000 * YUAN - caller.balance_nano
    rows = UsageRecord.objects.filter(workspace=caller.workspace)
    assert sum(row.cost_nano for row in rows) == spent


# --- what is held for ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "user", "content": "hi", "name": "x" * 20_000}]},
        {"messages": [{"role": "assistant", "content": "hi", "reasoning_content": "x" * 20_000}, *QUESTION]},
        {"response_format": {"type": "json_schema", "json_schema": {"description": "x" * 20_000}}},
        {"tools": [{"x": "y"}], "functions": [{"description": "x" * 20_000}]},
        {"tool_choice": {"function": {"name": "x" * 20_000}}},
        {"prompt": "x" * 20_000},
        {"extra": ["x" * 20_000]},
    ],
)
def test_a_prompt_hidden_beside_the_content_is_held_for(
    caller: Caller, chat_model: str, fields: dict[str, Any]
) -> None:
    estimate = caller.post("/v1/estimate", {"model": chat_model, **CHAT_BODY, **fields}).json()
    assert 6000 <= estimate["prompt_tokens"] < 6100


def test_a_completions_suffix_is_held_for(caller: Caller, chat_model: str) -> None:
    body = {"model": chat_model, "prompt": "hello world", "suffix": "hello world", "stop": "x" * 100}
    assert caller.post("/v1/estimate", body).json()["prompt_tokens"] == 8


@pytest.mark.parametrize("stream", [False, None])
def test_what_never_streams_is_not_told_of_streaming(caller: Caller, stream: bool | None) -> None:
    embedding = caller.desk.model("embed-still", kind="embedding")
    rerank = caller.desk.model("rerank-still", kind="rerank")
    options = {"stream": stream, "stream_options": {"include_usage": True}}
    first = caller.post("/v1/embeddings", {"model": embedding, "input": "hi", **options})
    second = caller.post("/v1/rerank", {"model": rerank, "query": "q", "documents": ["a"], **options})
    assert (first.status_code, second.status_code) == (200, 200)
    for upstream in ("embed-still", "rerank-still"):
        assert all(not asked.json.keys() & options.keys() for asked in caller.desk.asked(upstream))
    assert not caller.record(second.headers["x-request-id"]).streamed


@pytest.mark.parametrize(("stream", "status"), [("false", 200), ("", 200), ("true", 400)])
def test_a_form_that_says_false_is_read_as_ever(caller: Caller, stream: str, status: int) -> None:
    url = f"{caller.desk.simulator.url}/sim;pages=1/openapi/v1"
    model = caller.desk.model([{"vendor": "yuanjing", "inference_url": url}], kind="ocr", price={"per_page": "0.01"})
    files = {"file": ("scan.png", b"\x89PNG\r\n\x1a\n", "image/png")}
    form = {"model": model, "stream": stream}
    response = caller.desk.http.post("/v1/ocr", data=form, files=files, headers=caller.headers)
    assert response.status_code == status, response.text
    if status == 200:
        assert response.json()["object"] == "ocr"
        assert not caller.record().streamed
    else:
        assert response.json()["error"]["param"] == "stream"


# --- estimate ----------------------------------------------------------------------------------------
def test_an_estimate_is_what_would_be_held(caller: Caller, chat_model: str) -> None:
    body = {"model": chat_model, "max_tokens": 100, **CHAT_BODY}
    estimate = caller.post("/v1/estimate", body).json()
    assert estimate == {
        "model": chat_model,
        "min_cost": "0.000020000",
        "max_cost": "0.000820000",
        "prompt_tokens": 10,
    }
    assert caller.records() == 0
    caller.post(CHAT, body)
    assert caller.record().held_nano == 820_000


def test_a_picture_is_estimated_by_its_pages_in_either_form(caller: Caller) -> None:
    model = caller.desk.model("", kind="ocr", vendor="yuanjing", path="/openapi/v1", price={"per_page": "0.01"})
    pdf = b"%PDF-1.4 /Type /Page\n /Type /Page\n"
    form = {"data": {"model": model}, "files": {"file": ("two.pdf", pdf)}, "headers": caller.headers}
    assert caller.desk.http.post("/v1/estimate", **form).json()["max_cost"] == "0.020000000"
    image = "data:image/png;base64,AAAA"
    assert caller.post("/v1/estimate", {"model": model, "image": image}).json()["max_cost"] == "0.010000000"
    assert caller.post("/v1/estimate", {"model": model, "file": "AAAA"}).status_code == 400
    assert caller.records() == 0


def test_other_kinds_are_estimated_too(caller: Caller) -> None:
    model = caller.desk.model("m", kind="embedding", price={"input": "1", "output": "0"})
    estimate = caller.post("/v1/estimate", {"model": model, "input": "ten chars!"}).json()
    assert (estimate["min_cost"], estimate["max_cost"]) == ("0.000003000", "0.000003000")
    assert caller.post("/v1/estimate", {"model": model}).status_code == 400
    assert caller.post("/v1/estimate", {"model": model, **CHAT_BODY}).status_code == 404
    assert caller.desk.http.post("/v1/estimate", json={}).status_code == 401
