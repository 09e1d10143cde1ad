"""DATA_DIR/local_models.json: ports that stay, ports that had to move, and who was registered where."""

import json
import logging
import socket
from pathlib import Path

import pytest

from console.local_record import HOST, LocalRecord


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local_models.json"


def test_a_port_is_chosen_once_and_remembered(path: Path) -> None:
    port = LocalRecord(path).port_take("llm")
    again = LocalRecord(path)
    assert again.port("llm") == port
    assert again.port_take("llm") == port
    assert again.former_ports("llm") == []


def test_models_get_ports_of_their_own(path: Path) -> None:
    record = LocalRecord(path)
    assert len({record.port_take(slug) for slug in ("llm", "embedding", "rerank", "ocr")}) == 4


def test_a_port_taken_by_a_stranger_is_given_up_and_noted(path: Path) -> None:
    former = LocalRecord(path).port_take("llm")
    with socket.create_server((HOST, former)):
        record = LocalRecord(path)
        port = record.port_take("llm")
    assert port != former
    assert LocalRecord(path).port("llm") == port
    assert record.former_ports("llm") == [former]
    record.former_ports_forget("llm", [former])
    assert LocalRecord(path).former_ports("llm") == []


def test_a_model_is_registered_once_for_each_database(path: Path) -> None:
    record = LocalRecord(path)
    assert not record.is_registered("llm", "one")
    record.port_take("llm")
    record.registered("llm", "one")
    again = LocalRecord(path)
    assert again.is_registered("llm", "one")
    assert not again.is_registered("llm", "two")
    assert not again.is_registered("ocr", "one")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"models": {"llm": {"colour": 1}}}', '{"models": {"llm": 7}}'])
def test_a_broken_file_is_begun_anew_and_said(path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    path.write_text(text)
    with caplog.at_level(logging.WARNING):
        port = LocalRecord(path).port_take("llm")
    assert "begun anew" in caplog.text
    assert json.loads(path.read_text())["models"]["llm"]["port"] == port


def test_nothing_is_left_beside_the_file(path: Path) -> None:
    LocalRecord(path).port_take("llm")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
