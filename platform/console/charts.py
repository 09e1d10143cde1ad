"""The geometry of charts. Pure: numbers in, places out; the templates draw them, `static/css/charts.css` colours them.

Across, places are percentages of the plot, so a chart is as wide as its panel while its text keeps its size. Down,
they are pixels from the top of the plot. A value of None is a gap, never a zero.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

GRID_MAX = 4
LABELS_MAX = 8
FINE_ABOVE = 16  # more columns than this have thin bars
GAP = 1.0  # between the parts of a stack
Write = Callable[[int], str]
WriteAxis = Callable[[int, int], str]  # of a value and the step between two lines: so many places have all of them


@dataclass(frozen=True)
class Series:
    """`css` is series-1 … series-4; values stand in the order of the columns."""

    name: str
    css: str
    values: Sequence[int | None]


@dataclass(frozen=True)
class Slot:
    """A column as the caller knows it: a short label for the axis, its whole title, and whether it is not over."""

    label: str
    title: str
    is_running: bool = False


@dataclass(frozen=True)
class Tick:
    y: float
    label: str


@dataclass(frozen=True)
class Bar:
    css: str
    y1: float
    y2: float


@dataclass(frozen=True)
class Said:
    """A line of a column's tooltip, and a cell of the table."""

    css: str
    name: str
    text: str


@dataclass(frozen=True)
class Column:
    x: float
    label: str  # empty where the axis has no room
    title: str
    is_running: bool
    bars: tuple[Bar, ...]
    said: tuple[Said, ...]
    side: str  # where its tooltip opens: left | right


@dataclass(frozen=True)
class Segment:
    x1: float
    y1: float
    x2: float
    y2: float
    is_dashed: bool


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    label: str
    is_open: bool = False


@dataclass(frozen=True)
class Chart:
    """`axis` is s, m or l: how much room the labels on the left need; empty for none."""

    title: str
    height: int
    names: tuple[str, ...]
    ticks: tuple[Tick, ...]
    columns: tuple[Column, ...]
    axis: str
    is_fine: bool = False
    segments: tuple[Segment, ...] = ()
    dots: tuple[Dot, ...] = ()

    @property
    def has_data(self) -> bool:
        return any(column.said for column in self.columns)


# --- the scale -------------------------------------------------------------------------------------
def nice_step(largest: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, … with which GRID_MAX lines reach above `largest`."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * GRID_MAX >= largest:
                return step * factor
        step *= 10


def ticks_to(largest: int, height: int, write: WriteAxis) -> tuple[int, tuple[Tick, ...]]:
    """The value of the top line, and the lines from zero upwards."""
    if largest <= 0:
        return 1, (Tick(height, write(0, 1)),)
    step = nice_step(largest)
    top = -(-largest // step) * step
    lines = range(0, top + 1, step)
    return top, tuple(Tick(round(height - height_of(value, top, height), 2), write(value, step)) for value in lines)


def axis_size(ticks: Sequence[Tick]) -> str:
    longest = max(width_of(tick.label) for tick in ticks)
    return "s" if longest <= 4 else "m" if longest <= 7 else "l"


def width_of(text: str) -> int:
    """In figures: a Chinese character is two wide."""
    return sum(1 if character.isascii() or character in "¥−" else 2 for character in text)


def height_of(value: int, top: int, height: int) -> float:
    return float(height * Fraction(value, top))


def centre_of(index: int, count: int) -> float:
    return round((index + 0.5) * 100 / count, 3)


def labelled(index: int, count: int, *, most: int = LABELS_MAX) -> bool:
    """Every so many, counted from the last, which always has its label."""
    every = -(-count // most)
    return (count - 1 - index) % every == 0


def side_of(index: int, count: int) -> str:
    return "right" if index < count / 2 else "left"


# --- bars ------------------------------------------------------------------------------------------
def bar_chart(title: str, slots: Sequence[Slot], stack: Sequence[Series], *, height: int, write: Write,
              write_axis: WriteAxis) -> Chart:  # fmt: skip
    """The first series stands at the bottom. The tooltip reads from the top down, as one sees the stack."""
    totals = [sum(series.values[index] or 0 for series in stack) for index in range(len(slots))]
    top, ticks = ticks_to(max(totals, default=0), height, write_axis)
    columns = tuple(
        Column(
            x=centre_of(index, len(slots)),
            label=slot.label if labelled(index, len(slots)) else "",
            title=slot.title,
            is_running=slot.is_running,
            bars=tuple(stacked(stack, index, top, height)),
            said=tuple(said(stack, index, write)),
            side=side_of(index, len(slots)),
        )
        for index, slot in enumerate(slots)
    )
    names = tuple(series.name for series in reversed(stack))
    return Chart(title, height, names, ticks, columns, axis_size(ticks), is_fine=len(slots) > FINE_ABOVE)


def stacked(stack: Sequence[Series], index: int, top: int, height: int) -> list[Bar]:
    """From the zero line up, a gap between two parts; what is there at all is at least a pixel high."""
    bars: list[Bar] = []
    foot = float(height)
    for series in stack:
        value = series.values[index]
        if value:
            foot -= GAP if bars else 0
            head = foot - max(1.0, height_of(value, top, height) - (GAP if bars else 0))
            bars.append(Bar(series.css, round(foot, 2), round(head, 2)))
            foot = head
    return bars


def said(stack: Sequence[Series], index: int, write: Write) -> list[Said]:
    found = ((series, series.values[index]) for series in reversed(stack))
    return [Said(series.css, series.name, write(value)) for series, value in found if value is not None]


# --- lines -----------------------------------------------------------------------------------------
def line_chart(title: str, slots: Sequence[Slot], series: Series, *, height: int, write: Write,
               write_axis: WriteAxis) -> Chart:  # fmt: skip
    """One line; the way to the running column is dashed, and its highest value is labelled."""
    values, count = series.values, len(slots)
    largest = max((value for value in values if value is not None), default=0)
    top, ticks = ticks_to(largest, height, write_axis)
    places = [None if value is None else height - height_of(value, top, height) for value in values]
    columns = tuple(
        Column(
            x=centre_of(index, count),
            label=slot.label if labelled(index, count) else "",
            title=slot.title,
            is_running=slot.is_running,
            bars=(),
            said=tuple(said([series], index, write)),
            side=side_of(index, count),
        )
        for index, slot in enumerate(slots)
    )
    return Chart(
        title, height, (series.name,), ticks, columns, axis_size(ticks),
        segments=tuple(segments_of(places, slots)),
        dots=tuple(dots_of(values, places, write)),
    )  # fmt: skip


def segments_of(places: Sequence[float | None], slots: Sequence[Slot]) -> list[Segment]:
    count, found = len(places), []
    for index in range(1, count):
        y1, y2 = places[index - 1], places[index]
        if y1 is not None and y2 is not None:
            found.append(
                Segment(
                    centre_of(index - 1, count), round(y1, 2), centre_of(index, count), round(y2, 2),
                    slots[index].is_running,
                )
            )  # fmt: skip
    return found


def dots_of(values: Sequence[int | None], places: Sequence[float | None], write: Write) -> list[Dot]:
    """The peak with its value; and every value that stands alone, which no line would show."""
    count = len(values)
    peak = max((value for value in values if value), default=None)
    found = []
    for index, (value, place) in enumerate(zip(values, places, strict=True)):
        if value is None or place is None:
            continue
        is_peak = value == peak
        around = [*places[max(0, index - 1) : index], *places[index + 1 : index + 2]]
        if is_peak or all(other is None for other in around):
            found.append(Dot(centre_of(index, count), round(place, 2), write(value) if is_peak else ""))
            peak = None if is_peak else peak  # the first one only
    return found


# --- the way of a balance ----------------------------------------------------------------------------
@dataclass(frozen=True)
class Way:
    """A balance until today, and where it leads: `segments` on a plot without an axis on its left."""

    height: int
    segments: tuple[Segment, ...]
    today: Dot
    first_label: str
    last_label: str
    today_x: float


def balance_way(
    balances: Sequence[int], *, days_left: int | None, height: int, first_label: str, last_label: str
) -> Way:
    """`balances` at the end of each day, the last of them today's; `days_left` until it is 0, or None: unknown.

    The future takes at most three fifths of the room: a balance that lasts for a year still shows how it came here.
    """
    past = max(1, len(balances) - 1)
    today_x = 100.0 if days_left is None else max(40.0, round(100 * past / (past + max(1, days_left)), 3))
    top = max([*balances, 1])
    places = [round(height - height_of(max(0, value), top, height), 2) for value in balances]
    across = [round(today_x * index / past, 3) for index in range(len(balances))]
    segments = [
        Segment(across[index - 1], places[index - 1], across[index], places[index], is_dashed=False)
        for index in range(1, len(places))
    ]
    here = Dot(across[-1] if len(balances) > 1 else today_x, places[-1], "", is_open=True)
    if days_left is not None:
        segments.append(Segment(here.x, here.y, 100.0, float(height), is_dashed=True))
    return Way(height, tuple(segments), here, first_label, last_label, here.x)
