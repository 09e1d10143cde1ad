"""From an admin's wish to a served model, and from a probe to the observed health."""

import time
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from inference.probes import ProbeResult, endpoint_probe
from models_registry.models import Endpoint, Model
from models_registry.services import (
    enabling_claim,
    enabling_finish,
    enabling_request,
    health_observe,
)

SECOND_LOOK_S = 1.0  # a single bad answer takes nobody down


def model_enable(*, model: Model, actor: str) -> str:
    """Probes in this process and returns "" once the model is served, else why it is not.

    Raises RegistryError where no probe is needed to refuse. Works beside a worker: the lease is claimed first,
    and a probe that someone else is making is waited for.
    """
    enabling_request(model=model, actor=actor)
    model.refresh_from_db()
    if model.state == Model.State.ENABLED or enabling_claim(model_id=model.pk):
        return enabling_probe(model_id=model.pk)
    return enabling_wait(model_id=model.pk)


def enabling_probe(*, model_id: int) -> str:
    """Probes all endpoints side by side; one that answers is enough. The caller holds the lease."""
    endpoints = list(Endpoint.objects.filter(model_id=model_id).select_related("model"))
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="probe") as pool:
        results = list(pool.map(endpoint_probe, endpoints))
    for endpoint, result in zip(endpoints, results, strict=True):
        observe(endpoint.pk, result)
    answered = any(result.answered for result in results)
    reason = "; ".join(result.reason for result in results if result.reason)
    enabling_finish(model_id=model_id, answered=answered, reason=reason)
    return "" if answered else reason


def enabling_wait(*, model_id: int) -> str:
    """Until another process's probe has finished; `checking` is bounded, and so is this."""
    while True:
        model = Model.objects.get(pk=model_id)
        if model.state != Model.State.CHECKING:
            return "" if model.state == Model.State.ENABLED else model.state_reason
        if enabling_claim(model_id=model_id):
            return enabling_probe(model_id=model_id)
        time.sleep(0.2)


def endpoint_reprobe(*, endpoint_id: int) -> None:
    """A failure is looked at twice before the endpoint goes down; one answer takes it back."""
    endpoint = Endpoint.objects.filter(pk=endpoint_id).select_related("model").first()
    if endpoint is None:
        return
    result = endpoint_probe(endpoint)
    if not result.answered and endpoint.health != Endpoint.Health.DOWN:
        time.sleep(min(SECOND_LOOK_S, settings.PROBE_INTERVAL_S / 2))
        result = endpoint_probe(endpoint)
    observe(endpoint_id, result)


def observe(endpoint_id: int, result: ProbeResult) -> None:
    health = Endpoint.Health.UP if result.answered else Endpoint.Health.DOWN
    health_observe(endpoint_id=endpoint_id, health=health, reason=result.reason)
