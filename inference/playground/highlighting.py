"""Code in colours, within a time. Pure.

Pygments reads code with regular expressions, and a text made for it keeps some of them busy for minutes, with the
interpreter's lock held. So only languages that were tried are coloured, and only as long as there is time.
"""

import time

import pygments
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

LANGUAGES = frozenset(
    (
        *("python", "py", "bash", "sh", "shell", "console", "json", "yaml", "toml", "ini", "xml", "html", "css"),
        *("javascript", "js", "typescript", "ts", "java", "go", "rust", "c", "cpp", "c++", "csharp", "kotlin", "swift"),
        *("php", "ruby", "sql", "diff", "dockerfile", "markdown", "text"),
    )
)
CHARACTERS_MAX = 40_000  # of one piece of code; longer ones stay plain
BUDGET_S = 0.1

formatter: HtmlFormatter[str] = HtmlFormatter(nowrap=True)


def budget() -> float:
    """Until when code may be read; one for all the code of a text."""
    return time.monotonic() + BUDGET_S


def highlighted(code: str, language: str, until: float) -> str:
    """HTML; "" where the code is to stay plain, which leaves the escaping to the caller."""
    name = language.lower()
    if name not in LANGUAGES or len(code) > CHARACTERS_MAX:
        return ""
    tokens = []
    try:
        for token in get_lexer_by_name(name).get_tokens(code):
            if time.monotonic() > until:
                return ""
            tokens.append(token)
    except ClassNotFound:
        return ""
    return str(pygments.format(tokens, formatter))
