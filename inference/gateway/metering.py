"""What a call used: as the upstream says, else counted from the text. Pure."""

from typing import Any

from billing.estimator import tenths_to_tokens, text_tenths, text_tokens
from billing.pricing import Quote, Usage
from models_registry.vendors.base import Json, Reply, UsageSeen
from models_registry.vendors.openai_shape import choice_text, finished_silently
from models_registry.vendors.wire import usage_seen


def reply_usage(reply: Reply, quote: Quote) -> Usage:
    """Usage of a whole reply."""
    seen = reply.usage
    if seen is None:
        return Usage(quote.prompt_tokens, text_tokens(reply.output_text), source="counted")
    return seen_usage(seen, quote, text_tokens(reply.output_text))


def seen_usage(seen: UsageSeen, quote: Quote, counted_tokens: int) -> Usage:
    """The upstream's numbers; a prompt or an output it is silent about is counted."""
    completion = counted_tokens if seen.completion_tokens is None else seen.completion_tokens
    return Usage(seen.prompt_tokens or quote.prompt_tokens, completion, seen.pages or 0, "upstream")


class StreamMeter:
    """Reads a stream's events as they pass. The last usage wins, from whatever chunk it came."""

    __slots__ = ("begun", "ended", "output_tenths", "quote", "seen", "was_cut")

    def __init__(self, quote: Quote) -> None:
        self.quote = quote
        self.seen: UsageSeen | None = None
        self.output_tenths = 0
        self.begun: set[str] = set()  # the choices that were seen, where there may be several
        self.ended: set[str] = set()  # those whose finish_reason was seen
        self.was_cut = False  # by length or a filter: without output it is an answer all the same

    def read(self, event: Json) -> None:
        choices = event.get("choices")
        if type(choices) is list:
            if self.quote.choices > 1:
                self.begun.update(map(index_of, choices))
            for choice in choices:
                text = plain_text(choice)
                if text is None:
                    self.read_choice(choice)
                else:
                    self.output_tenths += text_tenths(text)
        if event.get("usage"):
            self.seen = usage_seen(event["usage"]) or self.seen

    def read_choice(self, choice: Any) -> None:
        if text := choice_text(choice):
            self.output_tenths += text_tenths(text)
        if type(choice) is dict and choice.get("finish_reason"):
            self.ended.add(index_of(choice))
            self.was_cut = self.was_cut or not finished_silently(choice)

    @property
    def finished(self) -> bool:
        """Every choice that was seen has said that it ends; not all that were asked for need have come."""
        return bool(self.ended) and self.begun <= self.ended

    @property
    def counted_tokens(self) -> int:
        return tenths_to_tokens(self.output_tenths)

    def whole_usage(self) -> Usage:
        """Of a stream that ran to its end."""
        if self.seen is None:
            return Usage(self.quote.prompt_tokens, self.counted_tokens, source="counted")
        return seen_usage(self.seen, self.quote, self.counted_tokens)

    def partial_usage(self) -> Usage:
        """Of a stream that was broken off: the prompt and what was relayed. Usage that the upstream sent
        after its finish is whole all the same."""
        if self.seen is not None and self.finished:
            return self.whole_usage()
        prompt = self.seen.prompt_tokens if self.seen else None
        return Usage(prompt or self.quote.prompt_tokens, self.counted_tokens, source="partial")

    def running_nano(self) -> int:
        """What the stream has cost so far, as counted."""
        usage = Usage(self.quote.prompt_tokens, self.counted_tokens)
        return self.quote.cost_of(usage)


def index_of(choice: Any) -> str:
    return str(choice.get("index", 0)) if isinstance(choice, dict) else ""


def plain_text(choice: Any) -> str | None:
    """The text of a choice that says nothing else, as nearly all of a stream do; else None."""
    if type(choice) is dict and not choice.get("finish_reason"):
        delta = choice.get("delta")
        if type(delta) is dict and len(delta) == 1:
            text = delta.get("content")
            return text if type(text) is str else None
    return None
