from collections.abc import Callable
from datetime import timedelta

import pytest
from billing_booking import (
    TENTH_NANO,
    YUAN,
    MakeWorkspace,
    done,
    place,
    record_of,
    settle,
    transfers,
    wallets,
)
from django.test import override_settings
from django.utils import timezone

from billing.ledger import (
    DEAD_AFTER_S,
    book,
    database_now,
    holds_abandoned,
    sweep,
    writer_beat,
    writer_end,
    writer_start,
)
from billing.models import Hold, UsageRecord, Writer
from billing.operations import ExtendHold, OpenHold


@pytest.fixture
def sweeper(database: None) -> int:
    return writer_start("sweeper")


def fall_silent(writer_id: int, seconds: float = DEAD_AFTER_S + 1) -> None:
    Writer.objects.filter(pk=writer_id).update(seen_at=database_now() - timedelta(seconds=seconds))


def is_open(hold: OpenHold) -> bool:
    return Hold.objects.filter(pk=hold.context.request_id).exists()


def test_the_young_hold_of_a_live_writer_stays(make_workspace: MakeWorkspace, writer: int, sweeper: int) -> None:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    writer_beat(writer)
    sweep(writer_id=sweeper)
    assert is_open(hold)
    settle(hold, writer)


@pytest.mark.parametrize("die", [fall_silent, writer_end])
def test_the_hold_of_a_dead_writer_is_voided(
    make_workspace: MakeWorkspace, writer: int, sweeper: int, die: Callable[[int], None]
) -> None:
    workspace = make_workspace(trial_nano=60_000_000, paid_nano=YUAN)
    hold = place(workspace, writer)
    die(writer)
    assert sweep(writer_id=sweeper) >= 1
    assert wallets(workspace) == {"trial": (60_000_000, 0), "paid": (YUAN, 0)}
    assert not is_open(hold)


def test_a_hold_past_its_deadline_is_voided_though_its_writer_lives(
    make_workspace: MakeWorkspace, writer: int, sweeper: int
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    with override_settings(HOLD_DEADLINE_S=-1):
        hold = place(workspace, writer)
    assert sweep(writer_id=sweeper) >= 1
    assert wallets(workspace)["trial"] == (YUAN, 0)
    assert not is_open(hold)


def test_silence_does_not_count_for_a_sweeper_that_was_silent_itself(
    make_workspace: MakeWorkspace, writer: int, sweeper: int
) -> None:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    fall_silent(writer)
    sweep(writer_id=sweeper, silence_counts=False)
    assert is_open(hold)
    settle(hold, writer)


def test_seconds_before_it_counts_as_dead_a_writer_is_left_alone(
    make_workspace: MakeWorkspace, writer: int, sweeper: int
) -> None:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    fall_silent(writer, DEAD_AFTER_S - 5)
    sweep(writer_id=sweeper)
    assert is_open(hold)
    settle(hold, writer)


def test_an_abandoned_request_has_a_usage_record_that_cost_nothing(
    make_workspace: MakeWorkspace, writer: int, sweeper: int
) -> None:
    hold = place(make_workspace(trial_nano=YUAN), writer)
    writer_end(writer)
    sweep(writer_id=sweeper)
    record = record_of(hold)
    assert (record.outcome, record.error_code, record.usage_source) == ("abandoned", "abandoned", "none")
    assert (record.held_nano, record.cost_nano, record.lines) == (TENTH_NANO, 0, "[]")
    assert (record.model, record.operation, record.price_version) == ("a-model", "chat", 7)
    assert record.created_at == hold.context.started_at
    assert transfers(hold) == {"hold/1": TENTH_NANO, "void/1": TENTH_NANO}


def test_an_abandoned_hold_is_voided_with_its_extensions(
    make_workspace: MakeWorkspace, writer: int, sweeper: int
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    hold = place(workspace, writer)
    found = holds_abandoned(now=timezone.now() + timedelta(days=1))  # read before the extension…
    done(ExtendHold(hold, 50), writer)
    book([each for each in found if each.context == hold.context], writer_id=sweeper)  # …voided after it
    assert wallets(workspace)["trial"] == (YUAN, 0)


def test_a_second_sweep_finds_nothing(make_workspace: MakeWorkspace, writer: int, sweeper: int) -> None:
    place(make_workspace(trial_nano=YUAN), writer)
    writer_end(writer)
    sweep(writer_id=sweeper)
    assert sweep(writer_id=sweeper) == 0


def test_a_hold_that_cannot_be_voided_does_not_keep_the_others(
    make_workspace: MakeWorkspace, writer: int, sweeper: int
) -> None:
    workspace = make_workspace(trial_nano=YUAN)
    bad, good = place(workspace, writer), place(workspace, writer)
    writer_end(writer)
    settle(bad, sweeper)
    record = record_of(bad)
    Hold.objects.create(  # as if a request's id had been used twice
        request_id=record.pk, workspace=workspace, writer_id=writer, deadline_at=timezone.now(),
        created_at=timezone.now(), legs="[]", context=Hold.objects.get(pk=good.context.request_id).context.replace(
            good.context.request_id, record.pk
        ),
    )  # fmt: skip
    assert sweep(writer_id=sweeper) == 1
    assert not is_open(good)
    Hold.objects.get(pk=record.pk).delete()
    assert UsageRecord.objects.get(pk=record.pk).outcome == "success"
