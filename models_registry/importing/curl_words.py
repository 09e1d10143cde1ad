"""A curl command as its words and options: read as a shell would read it, without a shell. Pure.

Every pattern takes time in proportion to the text, whatever is pasted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

CURL = re.compile(r"(?:^|(?<=[\s;|&$(`>]))curl(?:\.exe)?(?=\s|\Z)", re.IGNORECASE | re.MULTILINE)
CMD = re.compile(r"\^[\r\n\"]")  # only Windows' cmd escapes with ^
CMD_ESCAPE = re.compile(r"\^(\r?\n|[\s\S])")
PIECE = re.compile(
    r"""
    (?P<space>(?:\s|[\\`][ \t]*\r?\n)++)
    |(?P<end>[;|]|&(?=&|\s|\Z)|>(?=\s))
    |'(?P<single>[^']*+)(?P<single_end>'|\Z)
    |\$'(?P<ansi>(?:[^'\\]|\\[\s\S])*+)\\?(?P<ansi_end>'|\Z)
    |"(?P<double>(?:[^"\\]|\\[\s\S])*+)\\?(?P<double_end>"|\Z)
    |(?P<hole><[^<>\n]{0,80}>)
    |\\(?P<escaped>[\s\S])
    |(?P<plain>[^\s'"\\;|]+?(?=[\s'"\\;|<`]|\$'|\Z))
    |(?P<other>[\s\S])
    """,
    re.VERBOSE,
)
ANSI = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\s\S])")
ANSI_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
WITH_VALUE = {  # that stand for one of these names; everything else with a value is passed over
    "-H": "header",
    "--header": "header",
    "-d": "data",
    "--data": "data",
    "--data-raw": "data",
    "--data-binary": "data",
    "--data-ascii": "data",
    "--data-urlencode": "data",
    "--json": "data",
    "-F": "form",
    "--form": "form",
    "--form-string": "form",
    "--url": "url",
    "--oauth2-bearer": "bearer",
}
IGNORED_SHORT = frozenset("AbcCDeEhKmoPQrtTuUwxXyYz")
IGNORED_LONG = frozenset(
    f"--{name}"
    for name in (
        *("request", "user", "user-agent", "max-time", "connect-timeout", "output", "proxy", "retry", "retry-delay"),
        *("cacert", "capath", "cert", "key", "cookie", "cookie-jar", "referer", "resolve", "connect-to", "write-out"),
        *("range", "limit-rate", "interface", "upload-file", "config", "proto", "noproxy", "ciphers", "tls-max"),
        *("url-query", "max-redirs", "stderr", "dump-header", "retry-max-time", "unix-socket", "proxy-header"),
        *("proxy-user", "aws-sigv4", "request-target"),
    )
)


class NoCurl(Exception):
    """No curl command is in the text."""


@dataclass(slots=True)
class Command:
    """`is_cut`: a quote was opened and never closed."""

    urls: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    form: list[str] = field(default_factory=list)
    is_cut: bool = False


def curl_read(text: str) -> Command:
    """The first curl command of the text. Raises NoCurl."""
    found = CURL.search(text)
    if found is None:
        raise NoCurl
    rest = text[found.end() :]
    command = Command()
    words = words_of(CMD_ESCAPE.sub(cmd_plain, rest) if CMD.search(rest) else rest, command)
    for word in words:
        if CURL.fullmatch(word):
            break  # the next command
        if len(word) > 1 and word.startswith("-"):
            option_read(word, words, command)
        else:
            command.urls.append(word)
    return command


def cmd_plain(escape: re.Match[str]) -> str:
    return " " if escape[1].endswith("\n") else escape[1]


# --- words ------------------------------------------------------------------------------------------
def words_of(text: str, command: Command) -> Iterator[str]:
    """A line's end alone ends nothing: continuations are often lost where a command is copied from."""
    word: list[str] | None = None
    for piece in PIECE.finditer(text):
        kind = piece.lastgroup or ""
        if kind == "end":
            break
        if kind == "space":
            if word is not None:
                yield "".join(word)
            word = None
            continue
        word = [] if word is None else word
        word.append(piece_text(piece, command))
    if word is not None:
        yield "".join(word)


def piece_text(piece: re.Match[str], command: Command) -> str:
    quoted = (piece.lastgroup or "").removesuffix("_end")
    if quoted not in {"single", "ansi", "double"}:
        return piece[quoted]
    command.is_cut |= not piece[f"{quoted}_end"]
    if quoted == "ansi":
        return ANSI.sub(ansi_letter, piece["ansi"])
    return re.sub(r'\\([$`"\\])|\\\r?\n', r"\1", piece["double"]) if quoted == "double" else piece["single"]


def ansi_letter(escape: re.Match[str]) -> str:
    letter = escape[1]
    return chr(int(letter[1:], 16)) if len(letter) > 1 else ANSI_LETTERS.get(letter, letter)


# --- options ----------------------------------------------------------------------------------------
def option_read(word: str, words: Iterator[str], command: Command) -> None:
    if word.startswith("--"):
        name, assigned, value = word.partition("=")
        if name in WITH_VALUE:
            option_keep(WITH_VALUE[name], value if assigned else next(words, ""), command)
        elif name in IGNORED_LONG and not assigned:
            next(words, "")
        return
    for place, letter in enumerate(word[1:], start=2):
        name = f"-{letter}"
        if name in WITH_VALUE or letter in IGNORED_SHORT:  # -sXPOST: the rest of the word is its value
            value = word[place:] or next(words, "")
            option_keep(WITH_VALUE.get(name, ""), value, command)
            return


def option_keep(kind: str, value: str, command: Command) -> None:
    if kind == "header":
        name, _, text = value.partition(":")
        command.headers.append((name.strip().lower(), text.strip()))
    elif kind == "bearer":
        command.headers.append(("authorization", f"Bearer {value}"))
    elif kind == "data":
        command.data.append(value)
    elif kind == "form":
        command.form.append(value)
    elif kind == "url":
        command.urls.insert(0, value)
