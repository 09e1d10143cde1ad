"""The worker killed amid its probes: no model is left `checking`, and health is watched as before."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from chaos_callers import Crowd, Heard
from chaos_product import Product, measured

from tests.console.conftest import wait_until

pytestmark = pytest.mark.slow

INTERVAL_S = 1.0
LATE_S = 1.0  # a tick, a second look and two probes on a busy machine
BACKDATED_S = 35  # more than a lease, and long before the checking is given up
CHECKING_S = 60
SERVED_S = 1.0
MODELS: list[dict[str, Any]] = [
    {"name": "hangs", "upstream": "chat;hang"},
    {"name": "slow", "upstream": "chat;first_ms=3000"},
]
ASK = (
    "from models_registry.models import Model;"
    "from models_registry.services import enabling_request;"
    "[enabling_request(model=model, actor='tests') for model in Model.objects.filter(name__in=['hangs', 'slow'])]"
)
BACKDATE = (
    "from datetime import timedelta;"
    "from django.db.models import F;"
    "from models_registry.models import Model;"
    f"past = timedelta(seconds={BACKDATED_S});"
    "Model.objects.filter(state='checking').update("
    "checking_since=F('checking_since') - past, lease_until=F('lease_until') - past)"
)


def test_a_killed_worker_leaves_nothing_checking_and_health_is_watched_on(product: Product) -> None:
    process = product.start(PROBE_INTERVAL_S=str(INTERVAL_S))
    [key] = product.prepare([{"name": "steady", "upstream": "steady"}])
    product.apply(MODELS, enable=False)
    product.python(ASK)
    wait_until(lambda: len(leased(product)) == 2, seconds=10, what="the worker's claims")
    killed = product.kill("worker")
    wait_until(lambda: product.server.children().get("worker", killed) != killed, seconds=10, what="a new worker")
    # The leases of the dead worker and the time that passed: what the clock sees is the same.
    product.python(BACKDATE)
    began_at = time.monotonic()
    check_health(product, key)
    wait_until(lambda: state(product, "slow") == ("enabled", ""), seconds=10, what="another worker's probe")
    measured("slow model enabled after its lease ran out, s", time.monotonic() - began_at)
    left_s = CHECKING_S - BACKDATED_S - (time.monotonic() - began_at)
    wait_until(lambda: state(product, "hangs")[0] == "disabled", seconds=left_s, what="the end of checking")
    measured("checking lasted, s", BACKDATED_S + time.monotonic() - began_at)
    assert state(product, "hangs")[1], "the admin reads why"
    product.stop(process)


def check_health(product: Product, key: str) -> None:
    assert call(product, key).is_whole
    switch(product, down=True)
    took_s = wait_until(lambda: health(product) == "down", seconds=2 * INTERVAL_S + LATE_S, what="the fall")
    measured("endpoint down after its upstream, s", took_s)
    wait_until(lambda: call(product, key).status == 503, seconds=SERVED_S, what="503 at once")
    assert call(product, key).error == "model_unavailable"
    switch(product, down=False)
    took_s = wait_until(lambda: health(product) == "up", seconds=2 * INTERVAL_S + LATE_S, what="the return")
    measured("endpoint up after its upstream, s", took_s)
    wait_until(lambda: call(product, key).is_whole, seconds=SERVED_S, what="calls to work again")
    assert changes(product)[-2:] == [("up", "down"), ("down", "up")]


def call(product: Product, key: str) -> Heard:
    return asyncio.run(Crowd(product.url).call(key, "steady"))


def switch(product: Product, *, down: bool) -> None:
    # By name: the other models' probes go on.
    said = httpx.post(f"{product.upstream.url}/_sim/down", json={"down": down, "models": ["steady"]})
    assert said.status_code == 200


def leased(product: Product) -> list[Any]:
    query = "SELECT name FROM models_registry_model WHERE state = 'checking' AND lease_until IS NOT NULL"
    return product.rows(query)


def state(product: Product, name: str) -> tuple[str, str]:
    rows = product.rows("SELECT name, state, state_reason FROM models_registry_model")
    return {row[0]: (row[1], row[2]) for row in rows}[name]


def health(product: Product) -> str:
    query = (
        "SELECT e.health FROM models_registry_endpoint e"
        " JOIN models_registry_model m ON m.id = e.model_id WHERE m.name = 'steady'"
    )
    return str(product.rows(query)[0][0])


def changes(product: Product) -> list[Any]:
    query = (
        "SELECT c.old, c.new FROM models_registry_healthchange c"
        " JOIN models_registry_endpoint e ON e.id = c.endpoint_id"
        " JOIN models_registry_model m ON m.id = e.model_id WHERE m.name = 'steady' ORDER BY c.id"
    )
    return product.rows(query)
