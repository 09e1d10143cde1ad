from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import Line, Price, Quote, Usage, receipt_lines, total_nano

YUAN = 10**9
prices = st.builds(
    Price,
    version=st.just(1),
    input_nano=st.integers(0, 10**12),
    output_nano=st.one_of(st.integers(0, 10), st.integers(0, 10**12)),
    call_nano=st.integers(0, 10**10),
)
quotes = st.builds(
    Quote,
    price=prices,
    prompt_tokens=st.integers(0, 10**6),
    cap_tokens=st.integers(0, 10**6),
    choices=st.integers(1, 8),
)


def test_each_thing_counted_has_its_own_line() -> None:
    price = Price(version=1, input_nano=2 * YUAN, output_nano=8 * YUAN, call_nano=5, page_nano=7)
    assert receipt_lines(price, Usage(1000, 500, pages=3)) == [
        Line("input", 1000, 2 * YUAN, 1_000_000, 2_000_000),
        Line("output", 500, 8 * YUAN, 1_000_000, 4_000_000),
        Line("call", 1, 5, 1, 5),
        Line("page", 3, 7, 1, 21),
    ]


def test_nothing_used_and_nothing_priced_have_no_line() -> None:
    assert receipt_lines(Price(version=1, input_nano=1, output_nano=1, page_nano=1), Usage()) == []
    assert receipt_lines(Price(version=1), Usage(5, 5, 5)) == []


def test_a_negative_count_from_an_upstream_earns_nobody_money() -> None:
    assert receipt_lines(Price(version=1, input_nano=1, output_nano=1, page_nano=1), Usage(-5, -5, -5)) == []


def test_each_line_is_rounded_half_up_once() -> None:
    price = Price(version=1, input_nano=500_000, output_nano=500_000)
    lines = receipt_lines(price, Usage(1, 1))
    assert [line.amount_nano for line in lines] == [1, 1]
    assert total_nano(lines) == 2


def test_a_price_without_amounts_is_free() -> None:
    assert Price(version=1).is_free
    assert not Price(version=1, page_nano=1).is_free


def test_a_quote_counts_the_cap_once_per_choice() -> None:
    price = Price(version=1, input_nano=2 * YUAN, output_nano=8 * YUAN)
    assert Quote(price, 1000, cap_tokens=500, choices=3).max_nano == 2_000_000 + 3 * 4_000_000


def test_an_embedding_is_quoted_by_its_prompt_alone() -> None:
    quote = Quote(Price(version=1, input_nano=YUAN), prompt_tokens=1000)
    assert quote.max_nano == 1_000_000
    assert quote.cap_within(1_000_000) == 0
    assert quote.cap_within(999_999) == -1


def test_a_page_price_is_quoted_by_pages() -> None:
    quote = Quote(Price(version=1, page_nano=YUAN), prompt_tokens=0, pages=4)
    assert (quote.max_nano, quote.cap_within(4 * YUAN), quote.cap_within(4 * YUAN - 1)) == (4 * YUAN, 0, -1)


def test_a_free_price_is_affordable_with_nothing() -> None:
    assert Quote(Price(version=1), prompt_tokens=1000, cap_tokens=4096).cap_within(0) == 4096


def test_a_price_far_below_a_nano_a_token_is_capped_exactly() -> None:
    quote = Quote(Price(version=1, output_nano=1), prompt_tokens=0, cap_tokens=2_000_000)
    assert quote.cap_within(0) == 499_999
    assert quote.cap_within(1) == 1_499_999


@given(quotes, st.integers(0, 10**12))
def test_the_cap_is_the_largest_that_is_affordable(quote: Quote, available: int) -> None:
    cap = quote.cap_within(available)
    if cap == -1:
        assert quote.cost_nano(min(1, quote.cap_tokens)) > available
    else:
        assert quote.cost_nano(cap) <= available
        assert cap == quote.cap_tokens or quote.cost_nano(cap + 1) > available


@given(quotes, st.integers(-3, 3))
def test_the_cap_is_exact_at_the_edge_of_a_cost(quote: Quote, nano_more: int) -> None:
    test_the_cap_is_the_largest_that_is_affordable.hypothesis.inner_test(  # type: ignore[attr-defined]
        quote, max(0, quote.cost_nano(quote.cap_tokens // 2) + nano_more)
    )
