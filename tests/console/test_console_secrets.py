"""kept_secret: made once, however many processes ask at the same moment."""

import stat
import subprocess
import sys
import time
from pathlib import Path

from cryptography.fernet import Fernet

from console.local_secrets import kept_secret, new_field_key, new_secret_key

RACE = """
import sys, time
from pathlib import Path
from console.local_secrets import kept_secret, new_secret_key
time.sleep(max(0, float(sys.argv[2]) - time.time()))
print(kept_secret(Path(sys.argv[1]), new_secret_key))
"""


def test_a_secret_is_made_once_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "one"
    first = kept_secret(path, new_secret_key)
    assert kept_secret(path, lambda: "another") == first
    assert len(first) > 40


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    kept_secret(tmp_path / "one", new_secret_key)
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600


def test_a_process_that_comes_second_takes_the_secret_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "one"

    def make_while_another_is_first() -> str:
        path.write_text("theirs")
        return "ours"

    assert kept_secret(path, make_while_another_is_first) == "theirs"
    assert [file.name for file in tmp_path.iterdir()] == ["one"]


def test_processes_that_race_agree(tmp_path: Path) -> None:
    at = str(time.time() + 1.0)
    command = [sys.executable, "-c", RACE, str(tmp_path / "one"), at]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(6)]
    said = {racer.communicate(timeout=20)[0] for racer in racers}
    assert len(said) == 1
    assert said.pop().strip()
    assert [file.name for file in tmp_path.iterdir()] == ["one"]


def test_a_field_key_is_one_that_fernet_takes() -> None:
    Fernet(new_field_key())
