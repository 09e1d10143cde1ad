"""Markdown of a model to HTML that may stand on a page. Pure.

The text is written by whoever the model read last, so nothing of it is trusted: no HTML passes, no picture is
fetched, links open elsewhere and tell nobody where they were, and what the renderer makes is cleaned once more.
"""

import re
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from inference.playground.highlighting import budget, highlighted

TAGS = frozenset(
    (
        *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"),
        *("strong", "em", "s", "code", "pre", "span", "a", "div"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    )
)
ATTRIBUTES = {
    "a": {"href", "title", "target"},
    "ol": {"start"},
    "pre": {"class", "tabindex"},
    "span": {"class"},
    "div": {"class"},
}
SCHEMES = {"http", "https", "mailto"}
NEWLINE = re.compile(r"\r\n?|\n")


def render(text: str) -> str:
    """The whole text."""
    html = parser.render(text, {"until": budget()})
    return nh3.clean(html, tags=set(TAGS), attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener noreferrer")


def settled_end(text: str) -> int:
    """Where the last block begins: all before it stays as it is, whatever is written after it."""
    starts = [token.map[0] for token in parser.parse(text) if token.level == 0 and token.map]
    if len(starts) < 2:
        return 0
    ends = [match.end() for match in NEWLINE.finditer(text)]
    return ends[starts[-1] - 1]


def render_fence(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    words = token.info.split()
    body = highlighted(token.content, words[0] if words else "", env["until"]) or escaped(token.content)
    return f'<pre class="code hl" tabindex="0"><code>{body}</code></pre>\n'


def render_link_open(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("target", "_blank")
    return self.renderToken(tokens, index, options, env)


def render_image(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    """A picture's words and its address: looking at an answer calls nobody."""
    token = tokens[index]
    source = escaped(str(token.attrGet("src") or ""))
    return f'<a href="{source}" target="_blank">{escaped(token.content or source)}</a>'


def render_table_open(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    return '<div class="table-wrap"><table>\n'


def render_table_close(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>\n"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def parser_make() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    made.disable(["html_block", "html_inline"])
    rules = {
        "fence": render_fence,
        "code_block": render_fence,
        "link_open": render_link_open,
        "image": render_image,
        "table_open": render_table_open,
        "table_close": render_table_close,
    }
    for name, rule in rules.items():
        made.add_render_rule(name, rule)
    return made


parser = parser_make()
