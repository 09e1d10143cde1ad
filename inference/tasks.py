"""Celery's side of the lifecycle. A task is a hint: the truth is a row with a lease, and beat looks again."""

from celery import shared_task
from django.conf import settings

from inference.services import enabling_probe, endpoint_reprobe
from models_registry.services import enabling_claim, enabling_unclaimed, probes_claim


@shared_task(ignore_result=True)
def model_enabling(model_id: int) -> None:
    if enabling_claim(model_id=model_id):
        enabling_probe(model_id=model_id)


@shared_task(ignore_result=True)
def endpoint_health(endpoint_id: int) -> None:
    endpoint_reprobe(endpoint_id=endpoint_id)


@shared_task(ignore_result=True)
def lifecycle_tick() -> None:
    """Sends out what is due: models nobody has probed yet, endpoints whose interval is over."""
    for model_id in enabling_unclaimed():
        model_enabling.delay(model_id)
    for endpoint_id in probes_claim(interval_s=settings.PROBE_INTERVAL_S):
        endpoint_health.delay(endpoint_id)
