"""Usage added up, the forecast, the book: figures worked out by hand."""

import secrets
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from billing_calls import FREE, YUAN, call_made, noon
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Workspace
from billing.selectors import (
    Cursor,
    Period,
    Sums,
    UsageQuery,
    balance_history,
    book_page,
    cursor_parse,
    forecast,
    grants_of,
    last_days,
    month_of,
    neighbours_of,
    records_after,
    records_page,
    usage_by_day,
    usage_by_hour,
    usage_records,
    usage_series,
    usage_table,
)
from billing.services import credit_grant

TODAY = date(2026, 11, 21)


# --- days ------------------------------------------------------------------------------------------
def test_a_call_belongs_to_the_local_day_on_which_it_began(workspace: Workspace, writer: int) -> None:
    midnight = noon(1).replace(hour=0)
    call_made(workspace, writer, at=midnight - timedelta(microseconds=1))
    call_made(workspace, writer, at=midnight)
    daily = usage_by_day(UsageQuery(workspace, last_days(7)))
    assert {day: sums.calls for day, sums in daily.items()} == {noon(2).date(): 1, noon(1).date(): 1}


def test_sums_count_calls_failures_tokens_and_money(workspace: Workspace, writer: int) -> None:
    call_made(workspace, writer, prompt=1000, completion=500, at=noon(1))
    call_made(workspace, writer, outcome="failed", at=noon(1))
    call_made(workspace, writer, outcome="client_closed", prompt=1000, completion=0, at=noon(1))
    [sums] = usage_by_day(UsageQuery(workspace, last_days(7))).values()
    assert sums == Sums(3, 1, 2000, 500, 0, trial_nano=8_000_000, paid_nano=0)
    assert (sums.cost_nano, sums.tokens) == (8_000_000, 2500)


def test_the_platform_and_long_periods_add_up_to_the_same(workspace: Workspace, writer: int) -> None:
    """They are read by another statement, which knows local dates in SQL."""
    midnight = noon(2).replace(hour=0)
    for moment in (midnight - timedelta(microseconds=1), midnight, midnight + timedelta(hours=23, minutes=59)):
        call_made(workspace, writer, at=moment, model="of-the-platform")
    short = usage_by_day(UsageQuery(workspace, last_days(7), model="of-the-platform"))
    long = usage_by_day(UsageQuery(workspace, last_days(200), model="of-the-platform"))
    platform = usage_by_day(UsageQuery(None, last_days(7), model="of-the-platform"))
    assert short == long == platform
    assert [sums.calls for _, sums in sorted(short.items())] == [1, 2]


@pytest.mark.parametrize("workspace_is_known", [True, False])
def test_a_day_on_which_the_clocks_change_has_its_own_calls(
    workspace: Workspace, writer: int, settings: Settings, workspace_is_known: bool
) -> None:
    settings.TIME_ZONE = "America/New_York"  # 2026-11-01 has 25 hours there
    with timezone.override(timezone.get_default_timezone()):
        for text in ("2026-11-01T03:59:59", "2026-11-01T04:00:00", "2026-11-02T04:59:59", "2026-11-02T05:00:00"):
            call_made(
                workspace, writer, at=datetime.fromisoformat(text).replace(tzinfo=UTC), model=f"clock-{workspace.pk}"
            )
        query = UsageQuery(
            workspace if workspace_is_known else None,
            Period(date(2026, 10, 30), date(2026, 11, 3)),
            model=f"clock-{workspace.pk}",
        )
        found = {f"{day:%m-%d}": sums.calls for day, sums in usage_by_day(query).items()}
        assert found == {"10-31": 1, "11-01": 2, "11-02": 1}
        assert usage_by_hour(query.over(Period(date(2026, 11, 1), date(2026, 11, 1)))).keys() == {0, 24}


def test_every_filter_narrows_what_is_added_up(workspace: Workspace, writer: int) -> None:
    call_made(workspace, writer, model="one", key_id=11)
    call_made(workspace, writer, model="two", key_id=12, outcome="failed")
    for narrowed in ({"model": "one"}, {"api_key_id": 11}, {"outcomes": ("success",)}):
        query = UsageQuery(workspace, last_days(1), **narrowed)  # type: ignore[arg-type]
        assert usage_table(query).by_group().keys() == {"one"}, narrowed
    assert usage_table(UsageQuery(workspace, last_days(1), operation="ocr")).by_group() == {}


def test_models_and_keys_stand_in_the_order_of_their_cost(workspace: Workspace, writer: int) -> None:
    call_made(workspace, writer, model="cheap", key_id=1, prompt=1000)
    call_made(workspace, writer, model="dear", key_id=2, prompt=9000)
    call_made(workspace, writer, model="free", key_id=None, price=FREE)
    query = UsageQuery(workspace, last_days(1))
    assert list(usage_table(query).by_group()) == ["dear", "cheap", "free"]
    assert list(usage_table(query, by="api_key_id").by_group()) == [2, 1, None]


def test_nobody_reads_the_usage_of_another_workspace(workspace: Workspace, rich: Workspace, writer: int) -> None:
    stranger = Workspace.objects.create(name="a stranger")
    call_made(workspace, writer)
    query = UsageQuery(stranger, last_days(7))
    assert (usage_by_day(query), usage_table(query).by_group(), list(usage_records(query))) == ({}, {}, [])


def statements(query: UsageQuery) -> int:
    with CaptureQueriesContext(connection) as captured:
        usage_by_day(query)
    return len(captured)


def test_adding_up_is_two_statements_however_many_calls_and_days(workspace: Workspace, writer: int) -> None:
    call_made(workspace, writer)
    few = statements(UsageQuery(workspace, last_days(7)))
    for back in range(100):
        call_made(workspace, writer, at=noon(back % 30))
    assert statements(UsageQuery(workspace, last_days(30))) == few == 2


def test_days_that_are_over_are_added_up_once(workspace: Workspace, writer: int) -> None:
    query = UsageQuery(workspace, Period(noon(9).date(), noon(1).date()))
    for back in (2, 3, 3):
        call_made(workspace, writer, at=noon(back), model=f"model-{back}")
    assert statements(query) == 2
    first = usage_by_day(query), usage_table(query).by_group()
    assert statements(query) == 1
    assert (usage_by_day(query), usage_table(query).by_group()) == first
    assert {day: sums.calls for day, sums in first[0].items()} == {noon(2).date(): 1, noon(3).date(): 2}


def test_what_nobody_called_is_not_remembered(
    workspace: Workspace, writer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters can be made up without end, and the cache is small."""
    call_made(workspace, writer, at=noon(2))
    query = UsageQuery(workspace, last_days(7), model="made up")
    written: list[dict[str, Any]] = []
    monkeypatch.setattr(caches["usage"], "set_many", lambda values, timeout: written.append(values))
    assert statements(query) == 2
    assert written == [{}]


def test_many_workspaces_days_are_remembered_beside_the_sign_ins(workspace: Workspace, writer: int) -> None:
    caches["default"].set("failed-sign-ins", 5)
    days = {f"day-{number}": [("a-model", *Sums())] for number in range(5_000)}
    caches["usage"].set_many(days)
    assert caches["default"].get("failed-sign-ins") == 5
    assert len(caches["usage"].get_many(days)) == 5_000


def test_a_call_that_is_booked_late_counts_in_its_day_at_once(workspace: Workspace, writer: int) -> None:
    query = UsageQuery(workspace, last_days(7))
    call_made(workspace, writer, at=noon(2), key_id=1)
    narrow = replace(query, api_key_id=2)
    assert [sums.calls for sums in (*usage_by_day(query).values(), *usage_by_day(narrow).values())] == [1]
    call_made(workspace, writer, at=noon(2), key_id=2)
    assert [sums.calls for sums in (*usage_by_day(query).values(), *usage_by_day(narrow).values())] == [2, 1]


def test_what_is_remembered_of_one_workspace_is_never_told_to_another(workspace: Workspace, writer: int) -> None:
    """Also where a new database gives the same number to another workspace, and the cache is as before."""
    query = UsageQuery(workspace, last_days(7))
    call_made(workspace, writer, at=noon(2), prompt=1000)
    before = usage_table(query).by_group()
    workspace.created_at = noon(400) + timedelta(microseconds=secrets.randbelow(10**9))  # Redis outlives a test run
    with CaptureQueriesContext(connection) as captured:
        assert usage_table(UsageQuery(workspace, last_days(7))).by_group() == before
    assert len(captured) == 2


def test_a_month_ends_where_the_next_begins() -> None:
    assert month_of(date(2026, 2, 14)) == Period(date(2026, 2, 1), date(2026, 2, 28))
    assert month_of(date(2026, 12, 31)) == Period(date(2026, 12, 1), date(2026, 12, 31))
    assert Period(date(2026, 11, 15), date(2026, 11, 21)).before == Period(date(2026, 11, 8), date(2026, 11, 14))


# --- the forecast ----------------------------------------------------------------------------------
def days_back(*costs: int) -> dict[date, Sums]:
    """Costs in fen of yesterday, the day before, …"""
    return {
        TODAY - timedelta(days=back): Sums(calls=1, trial_nano=fen * YUAN // 100) for back, fen in enumerate(costs, 1)
    }


@pytest.mark.parametrize(
    ("costs", "per_day_fen", "days"),
    [
        ((249,) * 7, 249, 9),  # ¥22.58 at ¥2.49 a day
        ((200,), 200, 11),  # a single full day is enough
        ((100, 0, 0, 0, 500), 120, 18),  # quiet days since the first call count
        ((700, 0, 0, 0, 0, 0, 0, 9999), 100, 22),  # the eighth day back does not
    ],
)
def test_money_lasts_at_the_mean_of_the_last_full_days(costs: tuple[int, ...], per_day_fen: int, days: int) -> None:
    found = forecast(available_nano=22_580_000_000, daily=days_back(*costs), today=TODAY)
    assert found is not None
    assert (found.per_day_nano, found.days) == (per_day_fen * YUAN // 100, days)
    assert found.ends_on == TODAY + timedelta(days=days)


def test_without_a_full_day_that_cost_nothing_is_foreseen() -> None:
    assert forecast(available_nano=YUAN, daily={}, today=TODAY) is None
    assert forecast(available_nano=YUAN, daily={TODAY: Sums(1, trial_nano=YUAN)}, today=TODAY) is None
    assert forecast(available_nano=YUAN, daily=days_back(0, 0), today=TODAY) is None


def test_money_for_longer_than_a_year_has_no_date() -> None:
    found = forecast(available_nano=10_000 * YUAN, daily=days_back(1), today=TODAY)
    assert found is not None
    assert (found.days, found.ends_on) == (365, None)


def test_the_balance_of_past_days_is_reckoned_back_over_costs_and_grants() -> None:
    days = [TODAY - timedelta(days=back) for back in (2, 1, 0)]
    daily = {TODAY: Sums(1, trial_nano=3), days[1]: Sums(1, paid_nano=4)}
    assert balance_history(available_nano=20, daily=daily, granted={days[1]: 10}, days=days) == [17, 23, 20]


# --- pages of calls --------------------------------------------------------------------------------
def test_cursors_go_through_calls_of_the_same_moment_without_loss_or_repetition(
    workspace: Workspace, writer: int
) -> None:
    made = {call_made(workspace, writer, at=noon(0)).pk for _ in range(5)}
    rows, seen, cursor = usage_records(UsageQuery(workspace, None)), [], None
    for _ in range(3):
        page, after = records_after(rows, cursor, 2)
        seen += [record.pk for record in page]
        cursor = cursor_parse(str(after)) if after else None
    assert (set(seen), len(seen), cursor) == (made, 5, None)


@pytest.mark.parametrize("text", ["", "x", "12", "-3.req", "1.", "1e9.req", f"{'9' * 17}.req", f"1.{'r' * 65}"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        cursor_parse(text)


def test_a_cursor_survives_being_written() -> None:
    cursor = Cursor(datetime(2026, 11, 21, 14, 31, 25, 630_001, tzinfo=UTC), "req_1.2")
    assert cursor_parse(str(cursor)) == cursor


def test_the_neighbours_of_a_call_are_the_next_in_time(workspace: Workspace, writer: int) -> None:
    older, here, newer = (call_made(workspace, writer, at=noon(back)) for back in (3, 2, 1))
    assert neighbours_of(workspace=workspace, record=here) == (newer, older)
    assert neighbours_of(workspace=workspace, record=newer)[0] is None
    assert neighbours_of(workspace=workspace, record=older)[1] is None


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_pages_skip_whole_days_and_miss_nothing(workspace: Workspace, writer: int, size: int) -> None:
    made = [call_made(workspace, writer, at=noon(ago)) for ago in (5, 3, 3, 3, 1, 1, 0)]
    call_made(workspace, writer, at=noon(3), outcome="failed")
    query = UsageQuery(workspace, last_days(7), outcomes=("success",))
    newest_first = sorted(made, key=lambda record: (record.created_at, record.pk), reverse=True)
    for daily in (usage_by_day(query), {}):
        pages = [records_page(query, daily, number, size) for number in range(1, 9)]
        assert [record.pk for page in pages for record in page.rows] == [record.pk for record in newest_first]
        assert [page.has_more for page in pages] == [number * size < len(made) for number in range(1, 9)]


def test_a_page_far_back_reads_only_its_own_days(workspace: Workspace, writer: int) -> None:
    for ago in (3, 2, 1):
        call_made(workspace, writer, at=noon(ago))
    query = UsageQuery(workspace, last_days(7))
    daily = usage_by_day(query)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        records_page(query, daily, 3, 1)
    [asked] = caught.captured_queries
    assert "OFFSET" not in asked["sql"]


# --- weeks -----------------------------------------------------------------------------------------
def test_a_long_period_is_drawn_in_weeks_that_end_today(workspace: Workspace, writer: int) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(created_at=noon(200))
    workspace.refresh_from_db()
    for ago in (0, 6, 7, 89):
        call_made(workspace, writer, at=noon(ago))
    query = UsageQuery(workspace, last_days(90))
    assert query.period is not None
    weeks = usage_series(query, usage_by_day(query))
    assert [week.days for week in weeks] == [6] + [7] * 12
    assert [week.sums.calls for week in weeks if week.sums] == [1, *[0] * 10, 1, 2]
    assert (weeks[0].day, weeks[-1].is_running, weeks[-2].is_running) == (query.period.first, True, False)


def test_weeks_before_the_workspace_are_a_gap(workspace: Workspace) -> None:
    series = usage_series(UsageQuery(workspace, last_days(90)), {})
    assert [week.sums is None for week in series] == [True] * 12 + [False]


# --- the book --------------------------------------------------------------------------------------
def test_grants_are_found_by_their_ids_and_only_those_of_the_workspace(workspace: Workspace) -> None:
    neighbour = Workspace.objects.create(pk=int(f"{workspace.pk}0"), name="its id begins alike")
    assert grants_of(workspace=neighbour) == []
    credit_grant(workspace=workspace, amount_nano=5 * YUAN, reason="a bonus", actor="tests")
    assert [(grant.wallet, grant.amount_nano, grant.reason) for grant in grants_of(workspace=workspace)] == [
        ("paid", 5 * YUAN, "a bonus"),
        ("trial", 40 * YUAN, "trial credit"),
    ]


def test_the_book_has_calls_and_grants_by_day_with_the_balance_after_each(workspace: Workspace, writer: int) -> None:
    first = call_made(workspace, writer)
    credit_grant(workspace=workspace, amount_nano=5 * YUAN, reason="a bonus", actor="tests")
    second = call_made(workspace, writer)
    query = UsageQuery(workspace, last_days(1))
    book = book_page(query=query, daily=usage_by_day(query), number=1, size=50)
    [day] = book.days
    assert day.cost_nano == 12_000_000
    rows = [entry.record or entry.grant for entry in day.entries]
    assert [getattr(row, "reason", "") or getattr(row, "pk", "") for row in rows] == [
        second.pk, "a bonus", first.pk, "trial credit",
    ]  # fmt: skip
    assert [row.balance_nano for row in rows if row] == [
        45 * YUAN - 12_000_000, 45 * YUAN - 6_000_000, 40 * YUAN - 6_000_000, 40 * YUAN,
    ]  # fmt: skip


def test_each_grant_stands_on_exactly_one_page_of_the_book(workspace: Workspace, writer: int) -> None:
    for number in range(4):
        call_made(workspace, writer)
        credit_grant(workspace=workspace, amount_nano=YUAN, reason=f"bonus {number}", actor="tests")
    query = UsageQuery(workspace, last_days(1))
    reasons = []
    for number in (1, 2, 3, 4):
        book = book_page(query=query, daily={}, number=number, size=1)
        reasons += [entry.grant.reason for day in book.days for entry in day.entries if entry.grant]
    assert reasons == ["bonus 3", "bonus 2", "bonus 1", "bonus 0", "trial credit"]
