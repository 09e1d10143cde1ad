"""Translations. Git keeps the .po files; the .mo files that Django reads are made of them here. Knows no Django."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE_DIR = Path(__file__).resolve().parents[2] / "locale"


def catalogs(folder: Path = LOCALE_DIR) -> Iterator[Path]:
    yield from sorted(folder.glob("*/LC_MESSAGES/*.po"))


def is_stale(source: Path) -> bool:
    made = source.with_suffix(".mo")
    return not made.exists() or made.stat().st_mtime < source.stat().st_mtime


def messages_compile(folder: Path = LOCALE_DIR) -> list[Path]:
    """Makes every .mo that is missing or older than its .po; which ones. Several processes may do so at once."""
    made = []
    for source in filter(is_stale, catalogs(folder)):
        with source.open("rb") as file:
            catalog = read_po(file, domain=source.stem, abort_invalid=True)
        target = source.with_suffix(".mo")
        scratch = target.with_suffix(f".{os.getpid()}")
        with scratch.open("wb") as file:
            write_mo(file, catalog)
        scratch.replace(target)
        made.append(target)
    return made


if __name__ == "__main__":
    for path in messages_compile():
        sys.stdout.write(f"made {path}\n")
