"""What a parameter's value may be: a number in a range, true or false, words to stop at. Pure."""

from dataclasses import dataclass
from typing import Any, Protocol

ALL_64_BITS = 2**64 - 1


class Rule(Protocol):
    @property
    def wanted(self) -> str:
        """In English words what `allows` checks."""

    def allows(self, value: Any) -> bool: ...


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`; an open end is no part of it, and None is no end."""

    low: float
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    whole: bool = False

    @property
    def wanted(self) -> str:
        number = "a whole number" if self.whole else "a number"
        return f"{number} of at least {shown(self.low)}" if self.high is None else f"{number} in {self.interval}"

    @property
    def interval(self) -> str:
        if self.high is None:
            return f"≥ {shown(self.low)}"
        begin, end = "(" if self.low_open else "[", ")" if self.high_open else "]"
        return f"{begin}{shown(self.low)}, {shown(self.high)}{end}"

    def allows(self, value: Any) -> bool:
        kinds = int if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return False
        above = value > self.low if self.low_open else value >= self.low
        return above and (self.high is None or (value < self.high if self.high_open else value <= self.high))

    def meeting(self, other: "Range") -> "Range":
        """The numbers in both."""
        low, low_open = max((one.low, one.low_open) for one in (self, other))
        ends = [(one.high, not one.high_open) for one in (self, other) if one.high is not None]
        high, is_closed = min(ends) if ends else (None, True)
        return Range(low, high, low_open, not is_closed, self.whole or other.whole)


def shown(end: float) -> str:
    if end == ALL_64_BITS:
        return "2^64−1"
    return str(int(end)) if end == int(end) else str(end)


@dataclass(frozen=True, slots=True)
class Flag:
    wanted: str = "true or false"

    def allows(self, value: Any) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class StopWords:
    wanted: str = "a string, or an array of strings or of token ids but not of both"

    def allows(self, value: Any) -> bool:
        if isinstance(value, list):
            return {type(item) for item in value} in (set(), {str}, {int})
        return isinstance(value, str)
