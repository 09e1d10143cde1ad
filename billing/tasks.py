"""Celery's side of the ledger's check."""

from celery import shared_task

from billing.check_runs import check_due, check_run


@shared_task(ignore_result=True)
def ledger_check_tick() -> None:
    if check := check_due():
        check_run(check)


@shared_task(ignore_result=True)
def ledger_check_now() -> None:
    check_run()
