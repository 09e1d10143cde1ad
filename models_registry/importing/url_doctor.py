"""What is wrong with an inference URL, seen without a network: the final URL, the wrong piece, a better one. Pure.

A repair looks at the URL and gives back a better one, or the same. Those that changed it are the hints; the URL
that comes out of the last one is the suggestion.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from models_registry.vendors import VENDORS
from models_registry.vendors.base import OPERATIONS, KindSpec, Vendor

URL_MAX = 2000
ROUNDS_MAX = 5
VERSION = re.compile(r"/v\d\w*(?=/|\Z)", re.IGNORECASE)
DOUBLED = re.compile(r"(/v\d\w*)(?:/v\d\w*)+(?=/|\Z)", re.IGNORECASE)
ENOUGH = re.compile(r"[^\s:/](?:[^.:/]*[.:/])[\s:/]*[^\s:/]")
LINK = re.compile(r"https?://[^\s\"'`<>“”‘’《》，]+", re.IGNORECASE)
SPACES = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")
SCHEME = re.compile(r"\A(?:h+t+p+(s?)|wss?|ftp)?(?::/*|//+)(?=[^/])", re.IGNORECASE)
LOCAL = re.compile(r"\A(localhost|\d+(\.\d+){3}|\[|[^./]+:\d+|[^./]+(/|\Z)|[^/]+:11434)", re.IGNORECASE)
ENDPOINTS = (
    *("/chat/completions", "/completions", "/embeddings", "/unicom-ocr", "/rerank"),
    *("/chat/completion", "/models", "/responses", "/messages", "/api/generate", "/api/chat", "/api/tags", "/chat"),
)


class Piece(NamedTuple):
    text: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class Advice:
    """`called` is what the gateway will call; `suggestion` is empty where the field is good as it is."""

    given: str
    called: str = ""
    hints: tuple[str, ...] = ()
    suggestion: str = ""
    suggested_call: str = ""

    @property
    def harmless(self) -> bool:
        """The call goes to the same address with and without the mistakes."""
        return not self.suggestion or self.called == self.suggested_call

    @property
    def pieces(self) -> list[Piece]:
        """The final URL; what stands between the parts it shares with the suggested one is wrong."""
        if self.harmless or self.suggested_call.endswith(self.called):
            return [Piece(self.called, False)] if self.called else []
        old, new = segments(self.called), segments(self.suggested_call)
        head = shared(old, new)
        tail = shared(old[head:][::-1], new[head:][::-1])
        end = len(old) - tail
        parts = [("".join(old[:head]), False), ("".join(old[head:end]), True), ("".join(old[end:]), False)]
        return [Piece(text, wrong) for text, wrong in parts if text]


def segments(url: str) -> list[str]:
    """https://h/v1/chat → ["https:", "/", "/h", "/v1", "/chat"]"""
    return re.findall(r"/?[^/]+|/", url)


def shared(one: list[str], other: list[str]) -> int:
    """How many items both begin with."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


# --- repairs: each knows one mistake ----------------------------------------------------------------
def unwrapped(url: str, spec: KindSpec) -> str:
    """Out of quotes, brackets, a curl command or a line of a document."""
    bare = url.strip(" \"'`<>“”‘’《》，")
    if not re.match(r"h?t+p", bare, re.IGNORECASE) and (found := LINK.search(bare)):
        return found[0].rstrip(".,;，。；）)】]")
    return bare if bare != url.strip() else url


def half_width(url: str, spec: KindSpec) -> str:
    return unicodedata.normalize("NFKC", url.replace("。", ".").replace("、", "/")) if not url.isascii() else url


def without_spaces(url: str, spec: KindSpec) -> str:
    return SPACES.sub("", url)


def with_scheme(url: str, spec: KindSpec) -> str:
    """http for what looks like a machine nearby, https for all else; a misspelt or doubled scheme is mended."""
    if re.match(r"\Ahttps?://[^/]", url) and not re.match(r"\Ahttps?://https?:", url):
        return url
    bare, said = url, ""
    while (found := SCHEME.match(bare)) and found[0]:
        bare, said = bare[found.end() :], found[0].lower()
    if re.match(r"h+t+p+:", said):
        return f"http://{bare}"
    return f"http://{bare}" if not said.startswith("h") and LOCAL.match(bare) else f"https://{bare}"


def without_user(url: str, spec: KindSpec) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def without_fragment(url: str, spec: KindSpec) -> str:
    return url.partition("#")[0]


def single_slashes(url: str, spec: KindSpec) -> str:
    return with_path(url, lambda path: re.sub(r"//+(?=.)", "/", path))


def small_version(url: str, spec: KindSpec) -> str:
    return with_path(url, lambda path: VERSION.sub(lambda found: found[0].lower(), path))


def single_version(url: str, spec: KindSpec) -> str:
    return with_path(url, lambda path: DOUBLED.sub(lambda found: found[1], path))


def without_endpoint(url: str, spec: KindSpec) -> str:
    """Without any vendor's operation at the end, as often as it stands there."""

    def shorter(path: str) -> str:
        bare = path.rstrip("/")
        end = next((end for end in ENDPOINTS if bare.lower().endswith(end)), "")
        return shorter(bare[: -len(end)]) if end else path

    return with_path(url, shorter)


def with_version(url: str, spec: KindSpec) -> str:
    """Nearly every vendor has one in its path; on the vendors' own hosts, `documented` knows better."""
    parts = urlsplit(url)
    return (
        url
        if VERSION.search(parts.path) or parts.hostname in known_hosts()
        else with_path(url, lambda path: f"{path.rstrip('/')}/v1")
    )


def documented(url: str, spec: KindSpec) -> str:
    """On the vendor's own host there is one right path for a kind, and that is documented."""
    ours, given = urlsplit(spec.default_url), urlsplit(url)
    if not ours.hostname or is_local(ours) or given.hostname not in known_hosts():
        return url
    return url if (given.scheme, given.netloc, given.path.rstrip("/")) == ours[:3] else spec.default_url


def with_port(url: str, spec: KindSpec) -> str:
    """A vendor that runs on one's own machine listens on a port of its own."""
    ours, given = urlsplit(spec.default_url), urlsplit(url)
    if not is_local(ours) or given.scheme != "http" or given.port or not given.hostname:
        return url
    return urlunsplit(given._replace(netloc=f"{given.netloc}:{ours.port}"))


def without_last_slash(url: str, spec: KindSpec) -> str:
    return with_path(url, lambda path: path.rstrip("/"))


REPAIRS: dict[str, Callable[[str, KindSpec], str]] = {
    "wrapped": unwrapped,
    "full_width": half_width,
    "spaces": without_spaces,
    "scheme": with_scheme,
    "user": without_user,
    "fragment": without_fragment,
    "double_slash": single_slashes,
    "capital_version": small_version,
    "doubled_version": single_version,
    "endpoint": without_endpoint,
    "no_version": with_version,
    "no_port": with_port,
    "undocumented": documented,
    "last_slash": without_last_slash,
}


# --- the doctor -------------------------------------------------------------------------------------
def url_advise(*, vendor: Vendor, kind: str, url: str) -> Advice:
    """Never raises: what cannot be read as a URL at all has the hint `unreadable`."""
    spec = vendor.kinds[kind]
    if not url.strip() or len(url) > URL_MAX:
        return Advice(url)
    try:
        better, hints = repaired(url, spec)
        return Advice(url, called(spec, kind, url), hints, better if better != url else "", called(spec, kind, better))
    except ValueError:  # what urlsplit says of a bad port or bracket
        return Advice(url, hints=("unreadable",))


def repaired(url: str, spec: KindSpec) -> tuple[str, tuple[str, ...]]:
    """Until nothing is left to mend: one click is enough. Raises ValueError where that does not end in a URL."""
    if not ENOUGH.search(url):
        raise ValueError("too little to be a URL")  # somebody is still typing
    hints: list[str] = []
    for _ in range(ROUNDS_MAX):
        before = url
        for hint, repair in REPAIRS.items():
            better = repair(url, spec)
            if better != url and hint not in hints:
                hints.append(hint)
            url = better
        if url == before:
            break
    parts = urlsplit(url)
    if url != before or parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("no http(s) URL")
    return url, tuple(hints)


def called(spec: KindSpec, kind: str, url: str) -> str:
    return spec.dialect.url(url, OPERATIONS[kind])


def documented_path(spec: KindSpec, kind: str) -> str:
    """/chat/completions: what the dialect adds to a base URL."""
    return urlsplit(called(spec, kind, "http://h")).path


def models_url(spec: KindSpec, kind: str, url: str) -> str:
    """Where the upstream lists its models, by OpenAI's custom: beside the path of the operation."""
    parts = urlsplit(called(spec, kind, url))
    base = parts.path.removesuffix(documented_path(spec, kind))
    return urlunsplit(parts._replace(path=f"{base}/models", query=""))


# --- pieces of URLs ---------------------------------------------------------------------------------
def with_path(url: str, change: Callable[[str], str]) -> str:
    parts = urlsplit(url)
    changed = change(parts.path)
    return url if changed == parts.path else urlunsplit(parts._replace(path=changed))


def is_local(parts: SplitResult) -> bool:
    return parts.hostname in {"127.0.0.1", "localhost"}


def known_hosts() -> frozenset[str]:
    """The hosts of the vendors' own defaults, but not one's own machine."""
    defaults = (urlsplit(spec.default_url) for vendor in VENDORS.values() for spec in vendor.kinds.values())
    return frozenset(parts.hostname for parts in defaults if parts.hostname and not is_local(parts))


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; of what is no URL, one that is like no other."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return ("", url, 0)
    return (parts.scheme, parts.hostname or "", port)
