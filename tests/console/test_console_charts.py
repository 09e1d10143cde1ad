"""The geometry of charts, in pixels and percentages worked out by hand."""

from itertools import pairwise

import pytest

from console.charts import Segment, Series, Slot, balance_way, bar_chart, line_chart, nice_step


def slots(count: int, *, running: bool = False) -> list[Slot]:
    return [Slot(str(n), f"day {n}", is_running=running and n == count - 1) for n in range(count)]


def axis(value: int, step: int) -> str:
    return f"{value}/{step}"


# --- scale -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("largest", "step"),
    [
        (1, 1),
        (4, 1),
        (5, 2),
        (8, 2),
        (9, 5),
        (20, 5),
        (21, 10),
        (2_900_000_000, 10**9),
        (520_000, 200_000),
        (10**18, 5 * 10**17),
    ],
)
def test_steps_are_round_and_four_of_them_reach_the_largest(largest: int, step: int) -> None:
    assert nice_step(largest) == step


@pytest.mark.parametrize("largest", [1, 7, 99, 100, 101, 12_345, 4_611_686_018_427_387_903])
def test_there_are_at_most_four_lines_above_zero_and_no_bar_is_cut_off(largest: int) -> None:
    chart = bar_chart("t", slots(2), [Series("s", "series-1", [largest, 0])], height=96, write=str, write_axis=axis)
    assert 2 <= len(chart.ticks) <= 5
    assert (chart.ticks[0].y, chart.ticks[-1].y) == (96, 0)
    assert all(lower.y > upper.y for lower, upper in pairwise(chart.ticks))
    assert 0 <= chart.columns[0].bars[0].y2 < 96


def test_a_chart_without_anything_has_its_zero_line_alone() -> None:
    chart = bar_chart("t", slots(3), [Series("s", "series-1", [0, 0, None])], height=96, write=str, write_axis=axis)
    assert [(tick.y, tick.label) for tick in chart.ticks] == [(96, "0/1")]
    assert all(not column.bars for column in chart.columns)
    assert bar_chart("t", [], [Series("s", "series-1", [])], height=96, write=str, write_axis=axis).columns == ()


# --- bars ------------------------------------------------------------------------------------------
def test_parts_of_a_stack_stand_on_one_another_with_a_pixel_between() -> None:
    stack = [Series("in", "series-2", [60]), Series("out", "series-1", [40])]
    chart = bar_chart("t", slots(1), stack, height=100, write=str, write_axis=axis)
    low, high = chart.columns[0].bars
    assert (low.css, low.y1, low.y2) == ("series-2", 100.0, 40.0)
    assert (high.css, high.y1, high.y2) == ("series-1", 39.0, 0.0)
    assert [(line.name, line.text) for line in chart.columns[0].said] == [("out", "40"), ("in", "60")]


def test_what_is_there_at_all_is_seen() -> None:
    chart = bar_chart("t", slots(2), [Series("s", "series-1", [1, 10**9])], height=96, write=str, write_axis=axis)
    bar = chart.columns[0].bars[0]
    assert bar.y1 - bar.y2 == 1


def test_missing_data_is_a_gap_and_says_nothing() -> None:
    chart = bar_chart("t", slots(2), [Series("s", "series-1", [None, 5])], height=96, write=str, write_axis=axis)
    assert (chart.columns[0].bars, chart.columns[0].said) == ((), ())
    assert chart.columns[1].said[0].text == "5"


def test_columns_share_the_width_and_the_last_always_has_its_label() -> None:
    chart = bar_chart("t", slots(30), [Series("s", "series-1", [1] * 30)], height=96, write=str, write_axis=axis)
    assert [round(column.x, 2) for column in chart.columns[:2]] == [1.67, 5.0]
    labels = [column.label for column in chart.columns if column.label]
    assert labels[-1] == "29"
    assert len(labels) <= 8
    assert chart.is_fine
    assert [column.side for column in (chart.columns[0], chart.columns[-1])] == ["right", "left"]


# --- lines -----------------------------------------------------------------------------------------
def test_a_line_is_broken_by_a_gap_and_dashed_to_the_running_day() -> None:
    series = Series("rate", "series-1", [10, 20, None, 40, 0])
    chart = line_chart("t", slots(5, running=True), series, height=40, write=str, write_axis=axis)
    assert chart.segments == (
        Segment(10.0, 30.0, 30.0, 20.0, is_dashed=False),
        Segment(70.0, 0.0, 90.0, 40.0, is_dashed=True),
    )


def test_only_the_peak_is_labelled_and_lonely_values_are_seen() -> None:
    series = Series("rate", "series-1", [5, None, 9, None, 9])
    chart = line_chart("t", slots(5), series, height=40, write=str, write_axis=axis)
    assert [dot.label for dot in chart.dots] == ["", "9", ""]


# --- the balance -------------------------------------------------------------------------------------
def test_the_way_of_a_balance_leads_to_zero_at_the_right_edge() -> None:
    way = balance_way([100, 50], days_left=1, height=50, first_label="a", last_label="b")
    assert way.segments == (Segment(0.0, 0.0, 50.0, 25.0, False), Segment(50.0, 25.0, 100.0, 50.0, True))
    assert (way.today.x, way.today.y) == (50.0, 25.0)


@pytest.mark.parametrize(
    ("balances", "days_left"), [([5], 3), ([5], None), ([0, 0], 0), ([1] * 8, 364), ([3, 2], None)]
)
def test_today_is_always_within_the_plot(balances: list[int], days_left: int | None) -> None:
    way = balance_way(balances, days_left=days_left, height=50, first_label="", last_label="")
    assert 40 <= way.today_x <= 100
    assert all(0 <= place <= 100 for one in way.segments for place in (one.x1, one.x2))
    assert all(0 <= place <= 50 for one in way.segments for place in (one.y1, one.y2))


# --- samples -----------------------------------------------------------------------------------------
