"""What a call costs: one line per thing counted, each rounded half up once. Pure; see docs/billing.md."""

from typing import NamedTuple

from accounts.money import divide_half_up

TOKENS_PER_PRICE = 1_000_000  # token prices are per million


class Usage(NamedTuple):
    """What was used, and how that is known: `upstream`, `counted`, `partial` or `none`."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    pages: int = 0
    source: str = "none"


class Line(NamedTuple):
    """One receipt line: quantity × price ÷ per = amount (prices and amounts in nano-yuan)."""

    item: str
    quantity: int
    price_nano: int
    per: int
    amount_nano: int


class Price(NamedTuple):
    """One version of a model's price, in nano-yuan: token prices per million tokens, others per piece."""

    version: int
    input_nano: int = 0
    output_nano: int = 0
    call_nano: int = 0
    page_nano: int = 0

    @property
    def is_free(self) -> bool:
        return not (self.input_nano or self.output_nano or self.call_nano or self.page_nano)


def receipt_lines(price: Price, usage: Usage) -> list[Line]:
    """The lines of a receipt. A quantity or a price of zero has no line, nor has a quantity below it."""
    lines = []
    if price.input_nano and usage.prompt_tokens > 0:
        lines.append(token_line("input", usage.prompt_tokens, price.input_nano))
    if price.output_nano and usage.completion_tokens > 0:
        lines.append(token_line("output", usage.completion_tokens, price.output_nano))
    if price.call_nano:
        lines.append(Line("call", 1, price.call_nano, 1, price.call_nano))
    if price.page_nano and usage.pages > 0:
        lines.append(Line("page", usage.pages, price.page_nano, 1, usage.pages * price.page_nano))
    return lines


def token_line(item: str, tokens: int, price_nano: int) -> Line:
    amount = divide_half_up(tokens * price_nano, TOKENS_PER_PRICE)
    return Line(item, tokens, price_nano, TOKENS_PER_PRICE, amount)


def total_nano(lines: list[Line]) -> int:
    return sum(line.amount_nano for line in lines)


class Quote(NamedTuple):
    """The most a call may cost before it is made.

    `cap_tokens` is the output cap of one choice and `choices` how many are asked for; a kind without
    output has a cap of 0.
    """

    price: Price
    prompt_tokens: int
    cap_tokens: int = 0
    choices: int = 1
    pages: int = 0

    def cost_nano(self, cap_tokens: int) -> int:
        return self.cost_of(Usage(self.prompt_tokens, cap_tokens * self.choices, self.pages))

    def cost_of(self, usage: Usage) -> int:
        return total_nano(receipt_lines(self.price, usage))

    @property
    def max_nano(self) -> int:
        return self.cost_nano(self.cap_tokens)

    def cap_within(self, available_nano: int) -> int:
        """The largest cap that `available_nano` pays for; -1 when not even one output token is affordable."""
        if self.max_nano <= available_nano:
            return self.cap_tokens
        left = available_nano - self.cost_nano(0)
        if left < 0 or not self.cap_tokens:
            return -1
        # Half up: n tokens cost no more than `left` as long as n × price ÷ per < left + ½.
        cap = ((2 * left + 1) * TOKENS_PER_PRICE - 1) // (2 * self.price.output_nano * self.choices)
        return min(cap, self.cap_tokens) or -1
