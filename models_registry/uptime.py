"""How available a model was over the last 24 hours, from the changes of its endpoints' health. Pure.

An endpoint's health holds from one change to the next. Before its first change nobody had looked, and after its
last check nobody looked any more (the model was off, or no worker ran): such time is unknown, never good.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

HOURS = 24
HOUR = timedelta(hours=1)
NOTHING = timedelta()


class Change(NamedTuple):
    at: datetime
    old: str
    new: str


class Span(NamedTuple):
    """One health of one endpoint: up | down | unknown."""

    start: datetime
    end: datetime
    health: str


@dataclass
class Hour:
    """An hour by what callers met in it; what is left of it is unknown."""

    start: datetime
    up: timedelta = NOTHING
    degraded: timedelta = NOTHING  # one endpoint was down, another answered
    down: timedelta = NOTHING

    @property
    def end(self) -> datetime:
        return self.start + HOUR

    @property
    def known(self) -> timedelta:
        return self.up + self.degraded + self.down

    @property
    def tone(self) -> str:
        """good | warn | bad (half of what is known was down) | none."""
        if not self.known:
            return "none"
        if 2 * self.down >= self.known:
            return "bad"
        return "warn" if self.down or self.degraded else "good"


@dataclass(frozen=True)
class Uptime:
    hours: Sequence[Hour]  # the running hour is the last

    @property
    def permyriad(self) -> int | None:
        """Hundredths of a percent, cut off: 99.999 is never shown as 100. None where nothing is known."""
        known = sum((hour.known for hour in self.hours), NOTHING)
        down = sum((hour.down for hour in self.hours), NOTHING)
        return 10_000 * (known - down) // known if known else None


def window_start(now: datetime) -> datetime:
    """The first of the 24 hours; they begin at full hours."""
    return now.replace(minute=0, second=0, microsecond=0) - (HOURS - 1) * HOUR


def endpoint_spans(*, changes: Iterable[Change], health: str, start: datetime, known_until: datetime) -> list[Span]:
    """`changes` are those since `start`, in order; `health` is today's, and holds where nothing changed."""
    spans: list[Span] = []
    at, current = start, health
    for number, change in enumerate(changes):
        spans.append(Span(at, change.at, change.old if number == 0 else current))
        at, current = change.at, change.new
    spans.append(Span(at, max(at, known_until), current))
    return [span for span in spans if span.end > span.start]


def uptime_of(*, endpoints: Iterable[Sequence[Span]], now: datetime) -> Uptime:
    """A model is up while one of its endpoints is; degraded while another is down beside it."""
    start = window_start(now)
    hours = [Hour(start + number * HOUR) for number in range(HOURS)]
    current: dict[int, str] = {}
    at = start
    for moment, number, health in turns(endpoints):
        until = min(max(moment, start), now)
        fill(hours, at, until, set(current.values()))
        at = until
        current[number] = health
    return Uptime(hours)


def turns(endpoints: Iterable[Sequence[Span]]) -> list[tuple[datetime, int, str]]:
    """When which endpoint became what; where a span ends and another begins, the beginning comes last."""
    found = []
    for number, spans in enumerate(endpoints):
        for span in spans:
            found += [(span.end, 0, number, "unknown"), (span.start, 1, number, span.health)]
    return [(moment, number, health) for moment, _, number, health in sorted(found)]


def fill(hours: Sequence[Hour], start: datetime, end: datetime, seen: set[str]) -> None:
    """Adds the time from `start` to `end` to the hours it lies in."""
    known = seen - {"unknown"}
    while known and start < end:
        hour = hours[int((start - hours[0].start) / HOUR)]
        until = min(end, hour.end)
        add(hour, known, until - start)
        start = until


def add(hour: Hour, known: set[str], length: timedelta) -> None:
    if known == {"up"}:
        hour.up += length
    elif known == {"down"}:
        hour.down += length
    else:
        hour.degraded += length
