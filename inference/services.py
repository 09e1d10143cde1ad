"""From an admin's wish to a served model, and from a probe to the observed health."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from inference.probing.probes import ProbeResult, endpoint_probe
from models_registry.models import Endpoint, Model
from models_registry.services import (
    enabling_claim,
    enabling_finish,
    enabling_request,
    health_observe,
)

log = logging.getLogger(__name__)

SECOND_LOOK_S = 1.0  # a single bad answer takes nobody down
UNCLAIMED_S = 3.0  # longer than beat's longest tick: a worker would have claimed it


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
    """One endpoint that answers is enough. Ends `checking` whatever happens. The caller holds the lease."""
    try:
        results = endpoints_probe(model_id=model_id)
    except Exception as error:  # a mistake of ours must not leave the model in `checking`
        log.exception("the probe of model %d failed", model_id)
        results = [mistake(error)]
    answered = any(result.answered for result in results)
    reason = "; ".join(result.reason for result in results if result.reason)
    enabling_finish(model_id=model_id, answered=answered, reason=reason)
    return "" if answered else reason


def endpoints_probe(*, model_id: int) -> list[ProbeResult]:
    """Probes all endpoints of a model side by side, and notes their health."""
    endpoints = list(Endpoint.objects.filter(model_id=model_id).select_related("model"))
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="probe") as pool:
        results = list(pool.map(probe, endpoints))
    for endpoint, result in zip(endpoints, results, strict=True):
        observe(endpoint.pk, result)
    return results


def probe(endpoint: Endpoint) -> ProbeResult:
    """Never raises: what nobody thought of is a failure too."""
    try:
        return endpoint_probe(endpoint)
    except Exception as error:
        log.exception("the probe of endpoint %d failed", endpoint.pk)
        return mistake(error)


def mistake(error: Exception) -> ProbeResult:
    return ProbeResult(False, f"probe: failed unexpectedly ({type(error).__name__}); the log says more", 0)


def enabling_wait(*, model_id: int) -> str:
    """Until another process's probe has finished; `checking` is bounded, and so is this."""
    while True:
        model = Model.objects.get(pk=model_id)
        if model.state != Model.State.CHECKING:
            return "" if model.state == Model.State.ENABLED else model.state_reason
        if enabling_claim(model_id=model_id):
            return enabling_probe(model_id=model_id)
        time.sleep(0.2)


def enabling_continue(*, model: Model) -> None:
    """Who waits for a model that nobody has begun to probe does it: without a worker nobody else would."""
    waited_since = timezone.now() - timedelta(seconds=UNCLAIMED_S)
    if model.checking_since and model.checking_since < waited_since and enabling_claim(model_id=model.pk):
        enabling_probe(model_id=model.pk)


def endpoint_reprobe(*, endpoint_id: int) -> None:
    """A failure is looked at twice before the endpoint goes down; one answer takes it back."""
    endpoint = Endpoint.objects.filter(pk=endpoint_id).select_related("model").first()
    if endpoint is not None:
        observe(endpoint_id, probe_twice(endpoint))


def probe_twice(endpoint: Endpoint) -> ProbeResult:
    result = probe(endpoint)
    if not result.answered and endpoint.health != Endpoint.Health.DOWN:
        time.sleep(min(SECOND_LOOK_S, settings.PROBE_INTERVAL_S / 2))
        result = probe(endpoint)
    return result


def model_test(*, model: Model) -> list[tuple[Endpoint, ProbeResult]]:
    """Probes every endpoint now, in the order they are called, and notes their health as any later probe would."""
    endpoints = list(model.endpoints.select_related("model").order_by("priority", "id"))
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="probe") as pool:
        results = list(pool.map(probe_twice, endpoints))
    for endpoint, result in zip(endpoints, results, strict=True):
        observe(endpoint.pk, result)
    return list(zip(endpoints, results, strict=True))


def observe(endpoint_id: int, result: ProbeResult) -> None:
    health = Endpoint.Health.UP if result.answered else Endpoint.Health.DOWN
    health_observe(endpoint_id=endpoint_id, health=health, reason=result.reason)
