"""A few models side by side. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from models_registry.catalogue import Entry

COMPARED_MAX = 4


def entries_compared(entries: Iterable[Entry], names: Iterable[str]) -> list[Entry]:
    """Those named, in the order they were named, once each; what is not served is left out."""
    known = {entry.name: entry for entry in entries}
    return [known[name] for name in dict.fromkeys(names) if name in known][:COMPARED_MAX]


@dataclass(frozen=True)
class Best:
    """The figures that win their row; None where all are alike, or where they cannot be compared."""

    input_nano: int | None
    output_nano: int | None
    context_length: int | None
    max_output_tokens: int | None
    buys: int | None


def best_of(entries: list[Entry]) -> Best:
    by_token = all(entry.offer.is_by_token or entry.offer.is_free for entry in entries)
    one_unit = len({entry.buys.unit for entry in entries}) == 1
    return Best(
        input_nano=winner(entries, min, lambda entry: entry.offer.input_nano) if by_token else None,
        output_nano=winner(entries, min, lambda entry: entry.offer.output_nano if entry.has_output_price else None)
        if by_token
        else None,
        context_length=winner(entries, max, lambda entry: entry.context_length),
        max_output_tokens=winner(entries, max, lambda entry: entry.max_output_tokens),
        buys=winner(entries, max, lambda entry: entry.buys.quantity) if one_unit else None,
    )


def winner(
    entries: list[Entry], better: Callable[[Iterable[int]], int], figure: Callable[[Entry], int | None]
) -> int | None:
    figures = [figure(entry) for entry in entries]
    known = [one for one in figures if one is not None]
    return better(known) if len(known) == len(figures) and len(set(known)) > 1 else None
