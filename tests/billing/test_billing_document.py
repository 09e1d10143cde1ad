"""docs/billing.md is true: its tables are read here and computed again."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from billing_booking import PRICE, TENTH, MakeWorkspace, place, record_of, settle, wallets

from accounts.money import MAX_NANO, nano_to_yuan, yuan_to_nano
from billing.clerk import PATIENCE_S
from billing.estimator import (
    CHARACTERS_PER_TOKEN_AUDIO,
    CHARACTERS_PER_TOKEN_FILE,
    messages_tokens,
    text_tokens,
)
from billing.ledger import DEAD_AFTER_S, HEARTBEAT_S
from billing.models import Account, Transfer
from billing.operations import InsufficientBalance, OpenHold
from billing.pricing import Price, Quote, Usage, receipt_lines, total_nano
from inference.gateway.quoting import prompt_tokens

DOCUMENT = (Path(__file__).parents[2] / "docs" / "billing.md").read_text()
MODEL_NOTES = (Path(__file__).parents[2] / "billing" / "models.py").read_text()


class Row(NamedTuple):
    cells: dict[str, str]

    def __getitem__(self, name: str) -> str:  # type: ignore[override]
        return self.cells[name]

    def __str__(self) -> str:
        return " ".join(self.cells.values())


def table(first_columns: str) -> list[Row]:
    """The rows of the one table whose header begins so."""
    found = re.findall(rf"^\| {re.escape(first_columns)}.*(?:\n\|.*)+", DOCUMENT, re.MULTILINE)
    assert len(found) == 1, first_columns
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()]
    return [Row(dict(zip(header, row, strict=True))) for row in rows]


def blocks() -> list[str]:
    return re.findall(r"^```\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("row", table("written | nano-yuan"), ids=str)
def test_amounts_read_and_print_as_written(row: Row) -> None:
    assert yuan_to_nano(row["written"]) == int(row["nano-yuan"])
    assert nano_to_yuan(int(row["nano-yuan"])) == row["printed"]


def test_the_largest_amount_is_the_one_named() -> None:
    assert f"{MAX_NANO // 10**9:,}.{MAX_NANO % 10**9:09d} yuan" in DOCUMENT


@pytest.mark.parametrize("row", table("input | output | call"), ids=str)
def test_receipts_have_these_lines_and_totals(row: Row) -> None:
    price = Price(1, *(yuan_to_nano(row[part]) for part in ("input", "output", "call", "page")))
    usage = Usage(int(row["prompt tokens"]), int(row["completion tokens"]), int(row["pages"]))
    lines = receipt_lines(price, usage)
    assert [f"{line.item} {line.amount_nano}" for line in lines] == [
        line for line in row["lines (nano-yuan)"].split(", ") if line != "none"
    ]
    assert nano_to_yuan(total_nano(lines)) == row["total (yuan)"]


@pytest.mark.parametrize("row", table("text | tokens"), ids=str)
def test_texts_count_so_many_tokens(row: Row) -> None:
    assert text_tokens(row["text"]) == int(row["tokens"])


def test_parts_of_a_chat_count_so_many_tokens() -> None:
    contents = {
        "message": "",
        "picture": [{"image_url": {"url": "x"}}],
        "video frame": [{"video": ["x"]}],
        "video link": [{"video": "x"}],
        "audio": [{"input_audio": {"data": "x"}}],
        "file": [{"file": {"file_data": "x"}}],
    }
    rows = {row["part"]: int(row["tokens"]) for row in table("part | tokens")}
    counted = {part: messages_tokens([{"content": content}]) for part, content in contents.items()}
    assert {part: count - (part != "message") * rows["message"] for part, count in counted.items()} == rows


def test_audio_and_files_count_by_the_length_named() -> None:
    assert f"1 token per {CHARACTERS_PER_TOKEN_AUDIO} characters of its base64" in DOCUMENT
    assert f"a file 1 token per {CHARACTERS_PER_TOKEN_FILE} characters" in DOCUMENT


@pytest.mark.parametrize("row", table("request with | tokens more"), ids=str)
def test_what_stands_beside_the_content_counts_so_many_tokens(row: Row) -> None:
    name, value = row["request with"].split(": ")
    message = {"role": "user", "content": ""}
    plain = prompt_tokens("chat", {"messages": [message]})
    if name.startswith("a part "):
        request: dict[str, Any] = {"messages": [{**message, "content": [{name.removeprefix("a part "): value}]}]}
    elif name in ("name", "reasoning_content"):
        request = {"messages": [{**message, name: value}]}
    else:
        request = {"messages": [message], name: value}
    assert prompt_tokens("chat", request) - plain == int(row["tokens more"])


@pytest.mark.parametrize("row", table("trial | paid | choices"), ids=str)
def test_holds_reserve_this_much(row: Row, make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(yuan_to_nano(row["trial"]), yuan_to_nano(row["paid"]))
    quote = Quote(PRICE, TENTH.prompt_tokens, TENTH.cap_tokens, choices=int(row["choices"]))
    hold: OpenHold | None = None
    try:
        hold = place(workspace, writer, quote)
    except InsufficientBalance:
        assert row["cap"] == "refused"
    else:
        assert str(hold.cap_tokens) == row["cap"]
    held = {kind: nano_to_yuan(pending) for kind, (_, pending) in wallets(workspace).items()}
    assert held == {"trial": row["held on trial"], "paid": row["held on paid"]}
    if hold:
        settle(hold, writer)


@pytest.mark.parametrize("row", table("trial | paid | completion tokens"), ids=str)
def test_settlements_charge_this_much(row: Row, make_workspace: MakeWorkspace, writer: int) -> None:
    workspace = make_workspace(yuan_to_nano(row["trial"]), yuan_to_nano(row["paid"]))
    hold = place(workspace, writer)
    settle(hold, writer, TENTH.prompt_tokens, int(row["completion tokens"]))
    record = record_of(hold)
    assert {
        "cost": nano_to_yuan(record.cost_nano),
        "charged to trial": nano_to_yuan(record.trial_nano),
        "charged to paid": nano_to_yuan(record.paid_nano),
        "uncollected": nano_to_yuan(record.uncollected_nano),
        "balance": nano_to_yuan(record.balance_nano),
    } == {name: row[name] for name in ("cost", "charged to trial", "charged to paid", "uncollected", "balance")}


def test_a_calls_transfers_are_called_so(make_workspace: MakeWorkspace, writer: int) -> None:
    row = table("trial | paid | completion tokens")[2]
    hold = place(make_workspace(yuan_to_nano(row["trial"]), yuan_to_nano(row["paid"])), writer)
    settle(hold, writer, TENTH.prompt_tokens, int(row["completion tokens"]))
    request = hold.context.request_id
    booked = Transfer.objects.filter(id__startswith=f"{request}/").order_by("seq").select_related("debit", "credit")
    shown = [line.split() for line in blocks()[1].splitlines()]
    assert shown == [
        [t.pk.replace(request, "R"), t.kind, t.debit.kind, "->", t.credit.kind, nano_to_yuan(t.amount_nano)]
        for t in booked
    ]


def test_kinds_and_sources_are_all_named(database: None) -> None:
    assert [row["kind"].strip("`") for row in table("kind | meaning")] == Transfer.Kind.values
    sources = [row["source"].strip("`") for row in table("source | when")]
    assert f"# {' | '.join(sources)}\n" in MODEL_NOTES
    platform = set(Account.Kind.values) - {"trial", "paid"}
    assert set(re.search(r"belongs to the platform \((.*?)\)", DOCUMENT)[1].split(", ")) == platform  # type: ignore[index]


def test_times_are_those_of_the_code() -> None:
    assert f"every {HEARTBEAT_S} s that it lives" in DOCUMENT
    assert f"silent for {DEAD_AFTER_S} s" in DOCUMENT
    assert f"waits {DEAD_AFTER_S} s before" in DOCUMENT
    assert f"A hold waits {PATIENCE_S:.0f} s" in DOCUMENT
