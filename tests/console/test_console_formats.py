"""Figures as pages write them, in both languages."""

import pytest
from django.utils.translation import override

from console import formats

YUAN = 10**9


@pytest.mark.parametrize(
    ("nano", "places", "shown"),
    [
        (0, 2, "¥0.00"),
        (1_234_567_890_000_000, 2, "¥1,234,567.89"),
        (39_999_951_500, 2, "¥39.99"),  # never more than there is
        (-YUAN // 2, 2, "−¥0.50"),
        (10_000_000, 2, "¥0.01"),
        (9_999_999, 2, "¥0.009999"),
        (-48_500, 2, "−¥0.000048"),
        (999, 2, "¥0.000000999"),
        (48_500, 6, "¥0.000048"),
        (1, 6, "¥0.000000001"),
        (YUAN, 6, "¥1.000000"),
        (48_500, 9, "¥0.000048500"),
    ],
)
def test_money_is_cut_off_but_never_to_nothing(nano: int, places: int, shown: str) -> None:
    assert formats.yuan(nano, places) == shown


@pytest.mark.parametrize(
    ("nano", "shown"), [(2 * YUAN, "¥2.00"), (YUAN // 2000, "¥0.0005"), (1, "¥0.000000001"), (1200 * YUAN, "¥1,200.00")]
)
def test_a_price_has_more_places_only_where_it_needs_them(nano: int, shown: str) -> None:
    assert formats.price(nano) == shown


@pytest.mark.parametrize(
    ("count", "chinese", "english"),
    [
        (9_216, "9,216", "9,216"),
        (99_999, "99,999", "99,999"),
        (2_121_000, "212.1 万", "2,121 K"),
        (127_000_000, "1.27 亿", "127.0 M"),
    ],
)
def test_many_tokens_are_counted_as_the_language_counts(count: int, chinese: str, english: str) -> None:
    with override("zh-hans"):
        assert formats.tokens(count) == chinese
    with override("en"):
        assert formats.tokens(count) == english


@pytest.mark.parametrize(
    ("count", "chinese", "english"),
    [
        (0, "0", "0"),
        (9_123, "9,120", "9,120"),
        (142_857, "14.3 万", "143 K"),
        (2_000_000, "200 万", "2 M"),
        (999_999, "100 万", "1 M"),
    ],
)
def test_three_digits_are_enough_for_what_a_yuan_buys(count: int, chinese: str, english: str) -> None:
    with override("zh-hans"):
        assert formats.significant(count) == chinese
    with override("en"):
        assert formats.significant(count) == english


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "—"),
        (512, "512"),
        (8_192, "8K"),
        (128_000, "128K"),
        (131_072, "128K"),
        (1_000_000, "1M"),
        (1_048_576, "1M"),
    ],
)
def test_a_context_is_counted_in_the_vendors_thousands(count: int | None, shown: str) -> None:
    assert formats.context_size(count) == shown
