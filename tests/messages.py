"""Finds every text the product translates, and keeps locale/en up to date with it: `make messages`.

xgettext is not needed: templates are cut by Django's own lexer, Python is parsed.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po
from django.template.base import Lexer, Token, TokenType
from django.utils.translation import trim_whitespace

ROOT = Path(__file__).resolve().parents[1]
ENGLISH = ROOT / "locale/en/LC_MESSAGES/django.po"
CODE_FOLDERS = ("platform", "models_registry", "inference", "billing")
SINGULAR = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}
HEADER = """\
# English for the console, whose texts are written in Chinese. `make messages` adds and removes entries.
msgid ""
msgstr ""
"Language: en\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""

QUOTED = r"""("[^"]*"|'[^']*')"""
TRANSLATE = re.compile(rf"trans(?:late)?\s+{QUOTED}")
CONTEXT = re.compile(r"(block)?trans(late)?\s.*\bcontext\s+[\"']")
CONSTANT = re.compile(rf"_\({QUOTED}\)")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


class ScanError(Exception):
    """A text that nobody could find to translate it."""


@dataclass(frozen=True)
class Text:
    """`plural` is empty where there is one form only."""

    singular: str
    plural: str = ""


@dataclass
class Found:
    """Texts, and the files each stands in."""

    places: dict[Text, set[str]] = field(default_factory=dict)

    def add(self, text: Text, path: Path) -> None:
        self.places.setdefault(text, set()).add(str(path.relative_to(ROOT)))

    def join_forms(self) -> None:
        """gettext keys both by the singular, so a text that also has a plural stands in the catalogue once."""
        for text in [text for text in self.places if text.plural]:
            self.places[text] |= self.places.pop(Text(text.singular), set())


def scan() -> Found:
    found = Found()
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for text in template_texts(path.read_text(encoding="utf-8")):
            found.add(text, path)
    for folder in CODE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for text in python_texts(path.read_text(encoding="utf-8"), str(path)):
                found.add(text, path)
    found.join_forms()
    return found


# --- templates ---------------------------------------------------------------------------------------
def template_texts(source: str) -> Iterator[Text]:
    tokens = iter(Lexer(source).tokenize())
    for token in tokens:
        if token.token_type is TokenType.BLOCK and CONTEXT.match(token.contents):
            raise ScanError(f"line {token.lineno}: contexts are not used here; write another text")
        if token.token_type is TokenType.BLOCK and re.match(r"blocktrans(late)?\b", token.contents):
            yield block_text(tokens, is_trimmed="trimmed" in token.split_contents())
        elif token.token_type is TokenType.BLOCK and (match := TRANSLATE.match(token.contents)):
            yield Text(match[1][1:-1].replace("%", "%%"))
        if token.token_type in (TokenType.BLOCK, TokenType.VAR):
            yield from (Text(quoted[1:-1]) for quoted in CONSTANT.findall(token.contents))


def block_text(tokens: Iterator[Token], *, is_trimmed: bool) -> Text:
    """Of {% blocktranslate %}, up to its end; written as Django asks gettext for it."""
    forms = [""]
    for token in tokens:
        if token.token_type is TokenType.VAR:
            forms[-1] += f"%({token.contents})s"
        elif token.token_type is TokenType.TEXT:
            forms[-1] += token.contents.replace("%", "%%")
        elif token.contents == "plural":
            forms.append("")
        else:
            break
    return Text(*(trim_whitespace(form) if is_trimmed else form for form in forms))


# --- Python ------------------------------------------------------------------------------------------
def python_texts(source: str, place: str = "") -> Iterator[Text]:
    """Raises ScanError for a text that is put together at run time."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in SINGULAR | PLURAL:
            yield Text(*(literal(one, place) for one in node.args[: 2 if name in PLURAL else 1]))


def literal(node: ast.expr, place: str) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ScanError(f"{place}:{node.lineno}: a translated text has to be written out, not put together")


# --- the catalogue -----------------------------------------------------------------------------------
def catalog_read(path: Path = ENGLISH) -> Catalog:
    if not path.exists():
        return Catalog(locale="en")
    with path.open("rb") as file:
        return read_po(file, locale="en", abort_invalid=True)


def text_of(message: Message) -> Text:
    return Text(*message.id) if isinstance(message.id, tuple) else Text(message.id)


def translations(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, tuple) else [message.string]


def entries(catalog: Catalog) -> dict[Text, Message]:
    return {text_of(message): message for message in catalog if message.id}


def catalog_update(old: Catalog, found: Found) -> Catalog:
    """The same translations, for exactly the texts that are there."""
    known = entries(old)
    catalog = Catalog(locale="en")
    for text, places in found.places.items():
        kept = translations(known[text]) if text in known else [""]
        identity = (text.singular, text.plural) if text.plural else text.singular
        string = tuple((*kept, "")[:2]) if text.plural else kept[0]
        catalog.add(identity, string, locations=[(place, 0) for place in sorted(places)])
    return catalog


def catalog_write(catalog: Catalog, path: Path = ENGLISH) -> None:
    """Without dates and line numbers: a change of the file is a change of a text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(HEADER.encode())
        write_po(file, catalog, width=0, omit_header=True, sort_output=True, include_lineno=False)


# --- faults ------------------------------------------------------------------------------------------
def missing(catalog: Catalog, found: Found) -> list[str]:
    known = entries(catalog)
    return sorted(
        f"{text.singular!r} ({', '.join(sorted(places))})"
        for text, places in found.places.items()
        if text not in known or not all(translations(known[text]))
    )


def unused(catalog: Catalog, found: Found) -> list[str]:
    return sorted(text.singular for text in entries(catalog) if text not in found.places)


def placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text.replace("%%", "")))


def mismatched(catalog: Catalog) -> list[str]:
    """A singular may say "one" instead of its count; else both languages carry the same placeholders."""
    wrong = []
    for text, message in entries(catalog).items():
        forms = [form for form in translations(message) if form]
        wanted = placeholders(text.singular) | placeholders(text.plural)
        exact, loose = (forms[1:], forms[:1]) if text.plural else (forms, [])
        if any(placeholders(form) != wanted for form in exact) or any(placeholders(form) - wanted for form in loose):
            wrong.append(text.singular)
    return sorted(wrong)


def report(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def main() -> int:
    found, old = scan(), catalog_read()
    gone, new = unused(old, found), len(found.places.keys() - entries(old).keys())
    catalog = catalog_update(old, found)
    catalog_write(catalog)
    empty, wrong = missing(catalog, found), mismatched(catalog)
    report([f"{ENGLISH.relative_to(ROOT)}: {len(found.places)} texts, {new} new, {len(gone)} removed"])
    report([f"  removed: {text!r}" for text in gone])
    report([f"  to translate: {one}" for one in empty])
    report([f"  placeholders differ: {text!r}" for text in wrong])
    return 1 if empty or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
