"""What billing does from time to time: the ledger's check, and how soon models answer."""

from celery import shared_task

from billing.check_runs import check_claim, check_run, is_check_running
from billing.first_tokens import first_tokens_measure


@shared_task(ignore_result=True)
def ledger_check_tick() -> None:
    if check := check_claim():
        check_run(check)


@shared_task(ignore_result=True)
def ledger_check_now() -> None:
    if not is_check_running():  # somebody may have asked twice
        check_run()


@shared_task(ignore_result=True)
def first_tokens_tick() -> None:
    first_tokens_measure()
