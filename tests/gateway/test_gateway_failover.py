"""Which endpoint answers: by priority and weight, another one on failure, none after the first byte."""

from collections import Counter
from itertools import count
from typing import Any

import pytest
from gateway_desk import Caller, Desk
from gateway_servers import RawUpstream, http

from billing.pricing import Price
from inference.gateway.routes import EndpointRoute, Limits, ModelRoute
from inference.gateway.routing import COOLING_S, EndpointHealth, candidates
from models_registry.secret import Secret
from models_registry.vendors import VENDORS

names = count(1)


def pair(desk: Desk, first: str, second: str = "", **fields: Any) -> tuple[str, str, str]:
    """A model whose first endpoint has these faults; its name and the upstream names."""
    number = next(names)
    first, second = f"first{number};{first}", f"second{number};{second}"
    endpoints = [{"model": first, "priority": 0}, {"model": second, "priority": 1}]
    base = {"vendor": "openai_compatible", "inference_url": f"{desk.simulator.url}/v1"}
    return desk.model([{**base, **one} for one in endpoints], **fields), first, second


RETRYABLE = [
    *(f"status={status}" for status in (401, 402, 403, 404, 408, 429, 500, 502, 503, 504)),
    *("html=200", "html=502", "error200", "empty=body", "empty", "empty=eof", "reset", "reset_at=0", "cut=0"),
    "status=302;location=http://example.com/",
]


@pytest.mark.parametrize("fault", RETRYABLE)
@pytest.mark.parametrize("stream", [False, True])
def test_the_second_endpoint_answers_when_the_first_fails(caller: Caller, fault: str, stream: bool) -> None:
    model, first, second = pair(caller.desk, fault)
    response = caller.chat(model, stream=stream)
    assert response.status_code == 200, response.text
    assert "w8 " in response.text
    assert len(caller.desk.asked(first)) == len(caller.desk.asked(second)) == 1
    record = caller.record()
    assert (record.outcome, record.usage_source) == ("success", "upstream")
    caller.holds_nothing()


def test_a_first_endpoint_that_is_not_there_is_passed_over(caller: Caller) -> None:
    _, _, second = pair(caller.desk, "")
    for address in ("http://127.0.0.1:9/v1", "http://nowhere.invalid/v1"):
        endpoints = [
            {"inference_url": address, "model": "x"},
            {"inference_url": f"{caller.desk.simulator.url}/v1", "model": second, "priority": 1},
        ]
        assert caller.chat(caller.desk.model(endpoints)).status_code == 200


def test_the_second_endpoint_answers_when_the_first_does_not_begin_in_time(hasty_desk: Desk) -> None:
    caller = hasty_desk.caller()
    model, first, second = pair(hasty_desk, "hang")
    assert caller.stream(model).is_done
    assert caller.stream(model).is_done
    assert len(hasty_desk.asked(first)) == 1, "it is asked last for a while"
    assert len(hasty_desk.asked(second)) == 2


@pytest.mark.parametrize("fault", ["cut=2", "reset_at=2", "error_at=2"])
def test_nobody_else_is_asked_after_the_first_byte(caller: Caller, fault: str) -> None:
    model, _, second = pair(caller.desk, fault)
    answer = caller.stream(model)
    assert answer.text == "w1 w2 "
    assert answer.error
    assert not caller.desk.asked(second)
    assert caller.stream(model).is_done, "but the next call goes to the other one first"
    assert len(caller.desk.asked(second)) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_of_the_caller_is_not_tried_elsewhere(caller: Caller, status: int, stream: bool) -> None:
    model, first, second = pair(caller.desk, f"status={status}")
    for _ in range(2):
        assert caller.chat(model, stream=stream).status_code in (400, 413)
    assert len(caller.desk.asked(first)) == 2, "and it does not count against the endpoint"
    assert not caller.desk.asked(second)


@pytest.mark.parametrize("stream", [False, True])
def test_an_endpoint_that_failed_is_asked_last_for_a_while(caller: Caller, stream: bool) -> None:
    model, first, second = pair(caller.desk, "status=500")
    for _ in range(3):
        assert caller.chat(model, stream=stream).status_code == 200
    assert len(caller.desk.asked(first)) == 1
    assert len(caller.desk.asked(second)) == 3


def test_when_all_fail_the_last_failure_is_told(caller: Caller) -> None:
    model, _, _ = pair(caller.desk, "status=500", "status=503;status_body=second words")
    response = caller.chat(model)
    assert response.status_code == 502
    assert "second words" in response.text
    assert caller.records() == 1


def test_at_most_three_endpoints_are_asked(caller: Caller) -> None:
    upstreams = [f"many{next(names)};status=500" for _ in range(5)]
    assert caller.chat(caller.desk.model(upstreams)).status_code == 502
    assert sum(len(caller.desk.asked(upstream)) for upstream in upstreams) == 3


def test_equal_priorities_share_by_weight(caller: Caller) -> None:
    number = next(names)
    heavy, light = f"heavy{number}", f"light{number}"
    base = {"inference_url": f"{caller.desk.simulator.url}/v1"}
    endpoints = [{**base, "model": heavy, "weight": 9}, {**base, "model": light, "weight": 1}]
    model = caller.desk.model(endpoints)
    for _ in range(60):
        caller.chat(model, max_tokens=1)
    assert len(caller.desk.asked(heavy)) + len(caller.desk.asked(light)) == 60
    assert len(caller.desk.asked(heavy)) > 40


def test_a_failed_over_call_is_charged_once(caller: Caller) -> None:
    model, _, _ = pair(caller.desk, "status=500", "prompt=50;completion=20")
    response = caller.chat(model)
    assert response.headers["x-request-cost"] == "0.000260000"
    assert caller.records() == 1


def test_a_reply_of_an_unknown_form_is_tried_elsewhere(caller: Caller) -> None:
    _, _, second = pair(caller.desk, "")
    with RawUpstream(http(b'{"choices": 5}')) as upstream:
        endpoints = [
            {"inference_url": f"{upstream.url}/v1", "model": "x"},
            {"inference_url": f"{caller.desk.simulator.url}/v1", "model": second, "priority": 1},
        ]
        assert caller.chat(caller.desk.model(endpoints)).status_code == 200


# --- the order, without a socket ---------------------------------------------------------------------
def endpoint(number: int, priority: int = 0, weight: int = 1, is_up: bool = True, blocked: str = "") -> EndpointRoute:
    dialect = VENDORS["openai_compatible"].kinds["llm"].dialect
    return EndpointRoute(number, "v", dialect, "http://h/v1", "m", {}, Secret(""), priority, weight, is_up, blocked)


def model_of(*endpoints: EndpointRoute) -> ModelRoute:
    return ModelRoute(1, "m", "llm", Price(1), Limits(), False, None, None, 0, endpoints)


def order(health: EndpointHealth, *endpoints: EndpointRoute) -> list[int]:
    return [one.id for one in candidates(model_of(*endpoints), health)]


def test_priorities_come_first_and_cooling_ones_last(monkeypatch: pytest.MonkeyPatch) -> None:
    health, three = EndpointHealth(), (endpoint(1, 5), endpoint(2, 0), endpoint(3, 9))
    assert order(health, *three) == [2, 1, 3]
    health.failed(three[1])
    assert order(health, *three) == [1, 3, 2]
    health.answered(three[1])
    assert order(health, *three) == [2, 1, 3]
    health.failed(three[1])
    now = __import__("time").monotonic()
    monkeypatch.setattr("inference.gateway.routing.time.monotonic", lambda: now + COOLING_S + 1)
    assert order(health, *three) == [2, 1, 3]


def test_those_that_are_down_or_blocked_are_no_candidates() -> None:
    assert order(EndpointHealth(), endpoint(1, is_up=False), endpoint(2), endpoint(3, blocked="private")) == [2]


def test_weights_are_shares() -> None:
    drawn = Counter(order(EndpointHealth(), endpoint(1, weight=3), endpoint(2, weight=1))[0] for _ in range(4000))
    assert 0.70 < drawn[1] / 4000 < 0.80
