"""The check runs once an hour whoever asks, rests after long runs, and is remembered."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from accounts.models import Workspace
from billing.check_runs import CUT_OFF_S, KEPT, RESTS, check_claim, check_last, check_run, is_check_running
from billing.checking import LedgerReport
from billing.models import Account, LedgerCheck
from billing.tasks import ledger_check_now, ledger_check_tick
from tests.console.conftest import wait_until


@pytest.fixture(autouse=True)
def no_earlier_checks(database: None) -> Iterator[None]:
    """Each test begins and ends without a memory of checks."""
    LedgerCheck.objects.all().delete()
    yield
    LedgerCheck.objects.all().delete()


def finished(ago: timedelta, took: timedelta) -> LedgerCheck:
    end = timezone.now() - ago
    return LedgerCheck.objects.create(started_at=end - took, finished_at=end)


def test_a_check_is_remembered_with_what_it_read(workspace: Workspace) -> None:
    report = check_run()
    last = check_last()
    assert last is not None
    assert (last.transfers, last.requests, last.findings) == (report.transfers, report.requests, [])
    assert last.transfers > 0
    assert not is_check_running()


def test_a_broken_ledger_is_remembered_with_its_findings(workspace: Workspace) -> None:
    with transaction.atomic():
        Account.objects.filter(workspace=workspace, kind="paid").update(credits_nano=5)
        ledger_check_now()
        last = check_last()
        transaction.set_rollback(True)
    assert last is not None
    assert len(last.findings) == 1
    assert f"paid of {workspace.pk}" in last.findings[0]


def test_the_command_remembers_too(database: None) -> None:
    call_command("ledger_check", verbosity=0)
    last = check_last()
    assert last is not None
    assert last.hour is None


def test_an_hour_has_one_check(database: None) -> None:
    first = check_claim()
    assert first is not None
    assert is_check_running()
    assert check_claim() is None
    check_run(first)
    LedgerCheck.objects.filter(pk=first.pk).update(started_at=timezone.now() - timedelta(hours=2))
    LedgerCheck.objects.filter(pk=first.pk).update(finished_at=timezone.now() - timedelta(hours=2))
    assert check_claim() is None  # the hour is taken, however long the rest was


def test_a_tick_checks_once(database: None) -> None:
    for _ in range(3):
        ledger_check_tick()
    assert [check.finished_at is not None for check in LedgerCheck.objects.all()] == [True]


def test_a_long_check_is_rested_from(database: None) -> None:
    took = timedelta(minutes=10)
    finished(RESTS * took - timedelta(minutes=1), took)
    assert check_claim() is None
    LedgerCheck.objects.all().delete()
    finished(RESTS * took + timedelta(minutes=1), took)
    assert check_claim() is not None


def test_a_check_cut_off_is_not_waited_for_and_a_long_one_is(database: None) -> None:
    LedgerCheck.objects.create(started_at=timezone.now() - timedelta(hours=30))
    assert check_claim() is None
    LedgerCheck.objects.update(seen_at=timezone.now() - timedelta(seconds=CUT_OFF_S + 1))
    assert check_claim() is not None
    assert check_last() is None


def test_a_check_is_seen_while_it_runs_and_not_asked_for_twice(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    began = timezone.now() - timedelta(minutes=5)
    check = LedgerCheck.objects.create(started_at=began, seen_at=began)

    def slowly() -> LedgerReport:
        wait_until(is_check_running, seconds=10, what="a sign of life")
        ledger_check_now()
        return LedgerReport()

    monkeypatch.setattr("billing.check_runs.SEEN_EVERY_S", 0.01)
    monkeypatch.setattr("billing.check_runs.ledger_check", slowly)
    check_run(check)
    assert LedgerCheck.objects.count() == 1


def test_a_check_that_fails_is_not_running_for_long(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.check_runs.ledger_check", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        check_run()
    LedgerCheck.objects.update(seen_at=timezone.now() - timedelta(seconds=CUT_OFF_S + 1))
    assert not is_check_running()


def test_only_the_newest_are_kept(database: None) -> None:
    for _ in range(KEPT + 3):
        finished(timedelta(hours=3), timedelta(0))
    check_run()
    assert LedgerCheck.objects.count() == KEPT
