"""Markdown of a model on a page: rendered, and harmless."""

import time
from html.parser import HTMLParser

import pytest
from pygments.lexers import get_lexer_by_name

from inference.playground.highlighting import CHARACTERS_MAX
from inference.playground.markdown import render, settled_end


class Seen(HTMLParser):
    """The tags and attributes that a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        '[x](https://e.example "a\\" onclick=alert(1) b=\\"")',
        "<javascript:alert(1)>",
        "![x](javascript:alert(1))",
        "![x](data:image/svg+xml;base64,PHN2Zz4=)",
        "```<script>\nx\n```",
        '```python"onload=alert(1)\nx\n```',
        "| <b>a</b> |\n|---|\n| <iframe src=x> |",
        "<style>*{}</style><form action=/x><input></form>",
        "<svg onload=alert(1)>",
    ],
)
def test_nothing_in_an_answer_runs_or_calls_out(text: str) -> None:
    seen = Seen()
    seen.feed(render(text))
    assert not seen.tags & {"script", "img", "iframe", "style", "form", "input", "svg", "b"}
    assert {name for name, _ in seen.attributes} <= {"href", "title", "target", "rel", "class", "tabindex"}
    assert all(value.startswith("https://") for name, value in seen.attributes if name == "href")


def test_links_open_elsewhere_and_say_nothing_about_us() -> None:
    made = render("[a](https://e.example/x) <https://f.example>")
    assert made.count('target="_blank"') == made.count('rel="noopener noreferrer"') == 2


def test_a_picture_is_a_link_and_is_not_fetched() -> None:
    assert render("![cat](https://e.example/cat.png)").startswith('<p><a href="https://e.example/cat.png"')


def test_code_is_highlighted_and_an_unknown_language_stays_plain() -> None:
    get_lexer_by_name("python")  # the first of a process is loaded, which counts as its time
    assert '<span class="k">def</span>' in render("```python\ndef f(): pass\n```")
    assert "<code>a &lt; b\n</code>" in render("```nonsense\na < b\n```")
    long = "x = 1\n" * (CHARACTERS_MAX // 6 + 1)
    assert "<span" not in render(f"```python\n{long}```")


def test_tables_lists_and_emphasis_are_rendered() -> None:
    made = render("1. **a**\n2. ~~b~~\n\n| x |\n|---|\n| 1 |")
    assert "<strong>a</strong>" in made
    assert "<s>b</s>" in made
    assert '<div class="table-wrap"><table>' in made


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("", ""),
        ("one", ""),
        ("one\n\ntw", "one\n\n"),
        ("one\r\n\r\ntwo", "one\r\n\r\n"),
        ("# a\ntext", "# a\n"),
        ("a\n\n- x\n- y\n", "a\n\n"),
        ("a\n\n```\ncode\n\nmore", "a\n\n"),
        ("```\ncode\n```\nafter", "```\ncode\n```\n"),
    ],
)
def test_all_but_the_last_block_is_settled(text: str, settled: str) -> None:
    assert text[: settled_end(text)] == settled


def test_settled_blocks_and_the_tail_are_the_whole() -> None:
    text = "# a\n\nfirst *one*\n\n- x\n\n  y\n- z\n\n```py\nx = 1\n```\n\n| a |\n|---|\n| 1 |\n\n> q\n\nlast"
    settled, html = 0, ""
    for length in range(len(text) + 1):
        end = settled_end(text[settled:length])
        html += render(text[settled : settled + end])
        settled += end
    assert html + render(text[settled:]) == render(text)


SLOW = [
    ("easytrieve", "\t" * 1_000),
    ("zeek", "0" * 8_000),
    ("fan", "a" * 10_000),
    ("c", " \n" * 10_000),
    ("csharp", "a\n" * 10_000),
    ("python", "'" * 20_000),
    ("bash", "$(`" * 10_000),
]


@pytest.mark.parametrize(("language", "code"), SLOW, ids=[language for language, _ in SLOW])
def test_code_made_to_be_slow_stays_plain(language: str, code: str) -> None:
    began = time.thread_time()
    render(f"```{language}\n{code}\n```\n" * 3)
    assert time.thread_time() - began < 1  # without limits each takes seconds, and some take minutes


def test_what_is_not_coloured_is_all_there_and_escaped() -> None:
    html = render("```fan\n<b>&amp;\n```")
    assert "&lt;b&gt;&amp;amp;" in html
