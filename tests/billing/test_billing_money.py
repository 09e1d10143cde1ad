from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.money import MAX_NANO, MoneyError, divide_half_up, nano_to_yuan, yuan_to_nano

amounts = st.integers(0, MAX_NANO)


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("40", 40_000_000_000),
        ("0.5", 500_000_000),
        ("0.0008", 800_000),
        ("0.000000001", 1),
        ("1.0000000000000", 1_000_000_000),
        (" 12.50 ", 12_500_000_000),
        ("007", 7_000_000_000),
        (Decimal("2.25"), 2_250_000_000),
        (3, 3_000_000_000),
        ("0", 0),
    ],
)
def test_a_plain_decimal_is_read_exactly(text: str | int | Decimal, nano: int) -> None:
    assert yuan_to_nano(text) == nano


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-1",
        "+1",
        "1e3",
        ".5",
        "5.",
        "1,000",
        "¥1",
        "nan",
        "inf",
        "0x10",
        "1 2",
        "1\n2",
        "٣",
        "１",
        "1_0",
        "1/2",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MoneyError, match="plain decimal"):
        yuan_to_nano(text)


def test_finer_than_a_nano_yuan_is_refused_and_never_rounded_away() -> None:
    with pytest.raises(MoneyError, match="finer than a nano-yuan"):
        yuan_to_nano("0.0000000001")


def test_more_than_a_counter_holds_is_refused() -> None:
    assert yuan_to_nano(nano_to_yuan(MAX_NANO)) == MAX_NANO
    with pytest.raises(MoneyError, match="more than"):
        yuan_to_nano(nano_to_yuan(MAX_NANO + 1))
    assert 2 * MAX_NANO < 2**63


@pytest.mark.parametrize(
    ("nano", "text"), [(0, "0.000000000"), (1, "0.000000001"), (40 * 10**9, "40.000000000"), (-5, "-0.000000005")]
)
def test_money_prints_with_nine_places(nano: int, text: str) -> None:
    assert nano_to_yuan(nano) == text


@given(amounts)
def test_what_was_printed_reads_back(nano: int) -> None:
    assert yuan_to_nano(nano_to_yuan(nano)) == nano


@given(amounts, amounts)
def test_printed_amounts_add_up(one: int, other: int) -> None:
    assert Decimal(nano_to_yuan(one)) + Decimal(nano_to_yuan(other)) == Decimal(nano_to_yuan(one + other))


@given(st.integers(0, 10**30), st.integers(1, 10**12))
def test_rounding_is_half_up(numerator: int, denominator: int) -> None:
    rounded = divide_half_up(numerator, denominator)
    distance = rounded - Fraction(numerator, denominator)
    assert Fraction(-1, 2) < distance <= Fraction(1, 2)


@pytest.mark.parametrize(("numerator", "result"), [(4, 0), (5, 1), (14, 1), (15, 2), (25, 3)])
def test_exactly_a_half_goes_up(numerator: int, result: int) -> None:
    assert divide_half_up(numerator, 10) == result
