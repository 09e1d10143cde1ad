"""TLS to upstreams over real sockets: verified always, and an endpoint's own authorities are trusted there alone."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from gateway_desk import Caller

from inference.tls import tls_context
from models_registry.models import Endpoint, Model
from simulator.server import SimulatorThread

NOT_VALID = "The upstream's TLS certificate is not valid."


@pytest.fixture(scope="module")
def stranger() -> Iterator[SimulatorThread]:
    """Another authority."""
    with SimulatorThread(tls="private") as thread:
        yield thread


def endpoint(upstream: SimulatorThread, authority: str = "", **fields: Any) -> dict[str, Any]:
    return {"inference_url": f"{upstream.url}/v1", "model": "chat", "ca_certificates": authority, **fields}


def refused(caller: Caller, model: str, *, stream: bool = False) -> str:
    """The message of an upstream_error that cost nothing."""
    response = caller.chat(model, stream=stream)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "upstream_error")
    record = caller.record(response.headers["x-request-id"])
    assert (record.outcome, record.cost_nano) == ("failed", 0)
    caller.holds_nothing()
    message: str = response.json()["error"]["message"]
    return message


def test_a_private_authority_is_refused_without_its_certificate_and_answers_with_it(
    caller: Caller, secured_simulator: SimulatorThread
) -> None:
    without = caller.desk.model([endpoint(secured_simulator)])
    told = caller.desk.model([endpoint(secured_simulator, secured_simulator.authority_pem)], probe=True)
    assert refused(caller, without) == NOT_VALID
    assert refused(caller, without, stream=True) == NOT_VALID
    assert caller.chat(told).json()["choices"][0]["message"]["content"] == "w1 w2 w3 w4 w5 w6 w7 w8 "
    assert caller.stream(told).is_done
    assert caller.balance_nano == 1000 * 10**9 - 2 * (4 * 2_000 + 8 * 8_000)


def test_an_open_connection_of_one_endpoint_is_not_lent_to_another(
    caller: Caller, secured_simulator: SimulatorThread, stranger: SimulatorThread
) -> None:
    told = caller.desk.model([endpoint(secured_simulator, secured_simulator.authority_pem)])
    untold = caller.desk.model([endpoint(secured_simulator)])
    mistaken = caller.desk.model([endpoint(secured_simulator, stranger.authority_pem)])
    for _ in range(3):
        assert caller.chat(told).status_code == 200
        assert refused(caller, untold) == NOT_VALID
        assert refused(caller, mistaken) == NOT_VALID


def test_several_authorities_are_all_trusted(
    caller: Caller, secured_simulator: SimulatorThread, stranger: SimulatorThread
) -> None:
    both = f"ours:\n{stranger.authority_pem}\ntheirs:\r\n{secured_simulator.authority_pem}"
    for upstream in (secured_simulator, stranger):
        assert caller.chat(caller.desk.model([endpoint(upstream, both)])).status_code == 200


@pytest.mark.parametrize("tls", ["expired", "other_host"])
def test_what_is_wrong_with_a_certificate_is_not_healed_by_its_authority(caller: Caller, tls: Any) -> None:
    with SimulatorThread(tls=tls) as upstream:
        assert refused(caller, caller.desk.model([endpoint(upstream, upstream.authority_pem)])) == NOT_VALID


def test_a_handshake_that_fails_costs_nothing(caller: Caller) -> None:
    url = caller.desk.simulator.url.replace("http:", "https:")
    model = caller.desk.model([{"inference_url": f"{url}/v1", "model": "chat"}])
    assert refused(caller, model) == "The TLS handshake with the upstream failed."


def test_the_next_endpoint_answers_where_a_certificate_is_not_valid(
    caller: Caller, secured_simulator: SimulatorThread
) -> None:
    plain = {"inference_url": f"{caller.desk.simulator.url}/v1", "model": "chat", "priority": 1}
    assert caller.chat(caller.desk.model([endpoint(secured_simulator), plain])).status_code == 200


def test_an_authority_that_is_taken_away_is_trusted_no_longer(
    caller: Caller, secured_simulator: SimulatorThread
) -> None:
    name = caller.desk.model([endpoint(secured_simulator, secured_simulator.authority_pem)])
    assert caller.chat(name).status_code == 200
    caller.desk.model([endpoint(secured_simulator)], name=name, enable=False)
    assert not Endpoint.objects.get(model=Model.objects.get(name=name)).ca_certificates
    assert refused(caller, name) == NOT_VALID


def test_a_context_is_made_once_for_each_text(secured_simulator: SimulatorThread) -> None:
    first = tls_context(secured_simulator.authority_pem)
    began = time.perf_counter()
    assert all(tls_context(secured_simulator.authority_pem) is first for _ in range(1000))
    assert time.perf_counter() - began < 0.1
    assert tls_context() is not first
