"""What billing does from time to time."""

from celery import shared_task

from billing.first_tokens import first_tokens_measure


@shared_task(ignore_result=True)
def first_tokens_tick() -> None:
    first_tokens_measure()
