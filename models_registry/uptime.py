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
BAD_FROM = 0.5  # of the known part of an hour


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
    """Seconds of one hour by what callers met in them; what is left of the hour is unknown."""

    start: datetime
    up_s: float = 0.0
    degraded_s: float = 0.0  # one endpoint was down, another answered
    down_s: float = 0.0

    @property
    def end(self) -> datetime:
        return self.start + HOUR

    @property
    def known_s(self) -> float:
        return self.up_s + self.degraded_s + self.down_s

    @property
    def tone(self) -> str:
        """good | warn | bad | none."""
        if not self.known_s:
            return "none"
        if self.down_s >= BAD_FROM * self.known_s:
            return "bad"
        return "warn" if self.down_s or self.degraded_s else "good"


@dataclass(frozen=True)
class Uptime:
    hours: Sequence[Hour]  # the running hour is the last

    @property
    def known_s(self) -> float:
        return sum(hour.known_s for hour in self.hours)

    @property
    def permyriad(self) -> int | None:
        """Hundredths of a percent, cut off: 99.99 is never shown as 100. None where nothing is known."""
        known = self.known_s
        return int(10_000 * (known - sum(hour.down_s for hour in self.hours)) / known) if known else None


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
        add(hour, known, (until - start).total_seconds())
        start = until


def add(hour: Hour, known: set[str], length_s: float) -> None:
    if known == {"up"}:
        hour.up_s += length_s
    elif known == {"down"}:
        hour.down_s += length_s
    else:
        hour.degraded_s += length_s
