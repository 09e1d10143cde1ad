from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from simulator import switches
from simulator.switches import SwitchError, Switches, parse, split_model

NAMES = [field.name for field in dataclasses.fields(Switches)]


def test_no_switches_are_the_defaults() -> None:
    assert parse("") == Switches() == parse(" ; ;")


def test_switches_are_read_with_their_types() -> None:
    read = parse("chunks=20; chunk_ms=50;hang;think=1;extra=0;usage=odd;text=你,好;key=sk-=1;empty")
    assert read == Switches(
        chunks=20,
        chunk_ms=50,
        hang=True,
        think=True,
        usage="odd",
        text=("你", "好"),
        key="sk-=1",
        empty="content",
    )


def test_the_last_of_two_values_wins() -> None:
    assert parse("chunks=2;chunks=3").chunks == 3


def test_a_model_is_split_at_the_first_semicolon() -> None:
    assert split_model("BAAI/bge:1.5;dims=4;half") == ("BAAI/bge:1.5", "dims=4;half")
    assert split_model("plain") == ("plain", "")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nonsense=1", "nonsense"),
        ("=1", "''"),
        ("chunks", "chunks"),
        ("chunks=-1", "chunks"),
        ("chunks=99999999999999", "chunks"),
        ("chunks=²", "chunks"),
        ("hang=yes", "hang"),
        ("usage=sometimes", "usage"),
        ("usage", "usage"),
        ("status=9000", "status"),
        ("key=", "key"),
    ],
)
def test_what_is_not_understood_is_named(text: str, named: str) -> None:
    with pytest.raises(SwitchError, match=re.escape(named)):
        parse(text)


@pytest.mark.parametrize("name", NAMES)
def test_every_switch_can_be_read_and_stands_in_the_table(name: str) -> None:
    assert name in switches._READERS
    assert re.search(rf"^    (\w+=\w+  )?{name}\b", switches.__doc__ or "", re.MULTILINE)


def test_nothing_is_read_that_is_no_field() -> None:
    assert set(switches._READERS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_switch_is_tested_over_a_socket(name: str) -> None:
    others = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    used = "".join(path.read_text() for path in others)
    assert re.search(rf"[;\"=]{name}\b", used)
