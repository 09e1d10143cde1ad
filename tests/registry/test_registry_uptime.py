"""Uptime tells only what was seen: of each hour, of the whole, and of models with several endpoints."""

from datetime import UTC, datetime, timedelta

import pytest

from models_registry.uptime import HOURS, Change, Span, Uptime, endpoint_spans, uptime_of, window_start

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
START = window_start(NOW)
MINUTE = timedelta(minutes=1)


def spans(*changes: tuple[datetime, str, str], health: str, known_until: datetime = NOW) -> list[Span]:
    found = [Change(*change) for change in changes]
    return endpoint_spans(changes=found, health=health, start=START, known_until=known_until)


def uptime(*endpoints: list[Span]) -> Uptime:
    return uptime_of(endpoints=endpoints, now=NOW)


def tones(found: Uptime) -> str:
    return "".join(hour.tone[0] for hour in found.hours)


def test_there_are_24_hours_that_begin_at_full_hours_and_the_running_one_is_the_last() -> None:
    found = uptime()
    assert len(found.hours) == HOURS
    assert (found.hours[0].start, found.hours[-1].start) == (START, NOW.replace(minute=0))


def test_an_endpoint_that_never_changed_was_up_all_the_time() -> None:
    found = uptime(spans(health="up"))
    assert tones(found) == "g" * 24
    assert found.permyriad == 10_000
    assert found.hours[-1].up == 30 * MINUTE


def test_nothing_is_known_of_a_model_without_endpoints_or_never_looked_at() -> None:
    for found in (uptime(), uptime([]), uptime(spans(health="unknown"))):
        assert tones(found) == "n" * 24
        assert found.permyriad is None


def test_hours_before_the_first_check_are_no_good_hours() -> None:
    found = uptime(spans((START + 7 * 60 * MINUTE, "unknown", "up"), health="up"))
    assert tones(found) == "n" * 7 + "g" * 17
    assert found.permyriad == 10_000


def test_hours_after_the_last_check_are_no_good_hours() -> None:
    found = uptime(spans(health="up", known_until=START + 5 * 60 * MINUTE))
    assert tones(found) == "g" * 5 + "n" * 19


def test_a_check_before_the_window_leaves_all_of_it_unknown() -> None:
    found = uptime(spans(health="up", known_until=START - MINUTE))
    assert tones(found) == "n" * 24


@pytest.mark.parametrize(("minutes", "tone"), [(10, "w"), (29, "w"), (30, "b"), (60, "b")])
def test_an_hour_is_bad_when_half_of_it_was(minutes: int, tone: str) -> None:
    begin = START + 3 * 60 * MINUTE
    changes = ((begin, "up", "down"), (begin + minutes * MINUTE, "down", "up"))
    found = uptime(spans(*changes, health="up"))
    assert tones(found) == "ggg" + tone + "g" * 20
    assert found.hours[3].down == minutes * MINUTE


def test_the_share_is_of_the_known_time_and_never_rounded_up_to_all_of_it() -> None:
    changes = ((START, "unknown", "up"), (START + 60 * MINUTE, "up", "down"), (START + 61 * MINUTE, "down", "up"))
    found = uptime(spans(*changes, health="up"))
    assert found.permyriad == 9992
    second = ((START, "up", "down"), (START + timedelta(seconds=0.1), "down", "up"))
    assert uptime(spans(*second, health="up")).permyriad == 9999


def test_another_endpoint_that_answers_makes_it_degraded_not_down() -> None:
    begin = START + 60 * MINUTE
    broken = spans((begin, "up", "down"), health="down")
    found = uptime(broken, spans(health="up"))
    assert tones(found) == "g" + "w" * 23
    assert found.permyriad == 10_000
    assert found.hours[5].degraded == 60 * MINUTE


def test_an_endpoint_nobody_looked_at_says_nothing_beside_one_that_was() -> None:
    found = uptime(spans(health="down"), spans(health="unknown"))
    assert tones(found) == "b" * 24
    assert found.permyriad == 0


def test_thousands_of_changes_are_no_work() -> None:
    changes = [(START + n * MINUTE, *(("up", "down") if n % 2 else ("down", "up"))) for n in range(1400)]
    found = uptime(*[spans(*changes, health="down") for _ in range(20)])
    assert abs((found.permyriad or 0) - 5000) < 100
