import pytest
from environs import EnvError

from console.database import POSTGRESQL_OPTIONS, database_config


def test_sqlite_takes_an_absolute_path() -> None:
    assert database_config("sqlite:////srv/data/console.sqlite3")["NAME"] == "/srv/data/console.sqlite3"


def test_sqlite_takes_a_relative_path_and_escaped_characters() -> None:
    assert database_config("sqlite:///data/my%20file.sqlite3")["NAME"] == "data/my file.sqlite3"


def test_sqlite_locks_when_a_transaction_begins_and_fires_triggers_on_replace() -> None:
    options = database_config("sqlite:////x")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "recursive_triggers=ON" in options["init_command"]
    assert "journal_mode=WAL" in options["init_command"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_postgresql_takes_every_part_of_the_url(scheme: str) -> None:
    config = database_config(f"{scheme}://ann:p%40ss@db.example:5433/console?sslmode=require")
    assert config["ENGINE"] == "console.postgresql"
    assert (config["USER"], config["PASSWORD"]) == ("ann", "p@ss")
    assert (config["HOST"], config["PORT"], config["NAME"]) == ("db.example", "5433", "console")
    assert config["OPTIONS"] == {**POSTGRESQL_OPTIONS, "sslmode": "require"}


def test_a_hanging_postgresql_is_noticed_and_the_url_may_say_otherwise() -> None:
    assert {"connect_timeout", "tcp_user_timeout"} < set(database_config("postgresql:///console")["OPTIONS"])
    assert database_config("postgresql:///console?connect_timeout=1")["OPTIONS"]["connect_timeout"] == "1"


@pytest.mark.parametrize(("text", "threshold"), [("3", 3), ("0", None)])
def test_a_pooler_may_ask_for_no_prepared_statements(text: str, threshold: int | None) -> None:
    options = database_config(f"postgresql:///console?prepare_threshold={text}")["OPTIONS"]
    assert options["prepare_threshold"] == threshold


def test_an_option_may_be_emptied_for_a_pooler_that_takes_none() -> None:
    assert database_config("postgresql:///console?options=")["OPTIONS"]["options"] == ""


@pytest.mark.parametrize("text", ["-1", "none", "2.5"])
def test_a_prepare_threshold_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(EnvError, match="DATABASE_URL: prepare_threshold must be a whole number"):
        database_config(f"postgresql:///console?prepare_threshold={text}")


def test_postgresql_leaves_out_what_the_url_leaves_out() -> None:
    config = database_config("postgresql:///console")
    assert (config["USER"], config["PASSWORD"], config["HOST"], config["PORT"]) == ("", "", "", "")


@pytest.mark.parametrize("url", ["mysql://host/name", "console.sqlite3", ""])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(EnvError, match="DATABASE_URL must start with"):
        database_config(url)
