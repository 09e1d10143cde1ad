"""What an import form can learn from a curl command: vendor, kind, URL, key and model. Pure.

What a command says in a placeholder ($API_KEY, <Base URL>, 申请到的key) it does not say.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson

from models_registry.importing.curl_words import Command, NoCurl, curl_read
from models_registry.importing.url_doctor import URL_MAX, url_advise
from models_registry.vendors import VENDORS
from models_registry.vendors.base import Json, Vendor

CURL_MAX = 1_000_000
FALLBACK = "openai_compatible"
HOLE = re.compile(r"[$<>{}*`…]|\.\.\.|[^\x00-\x7f]|(?<!x)x{3,}+\Z|placeholder", re.IGNORECASE)
KEY_WORD = re.compile(
    r"(?:sk-)?(?:(?:your|my|the)[-_ ]?)?(?:(?:upstream|api|access|secret)[-_ ]?)*(?:key|token|secret)(?:[-_ ]?here)?",
    re.IGNORECASE,
)
HOST_WORD = re.compile(
    r"(?:(?:your|base|api)[-_ ]?)*(?:host|url|urls|domain|ip|address|endpoint|server)", re.IGNORECASE
)
MODEL_HOLE = re.compile(r"[$<>{}]|(?<!x)x{3,}+\Z", re.IGNORECASE)
MODEL_WORD = re.compile(r"(?:(?:your|the)[-_ ]?)?model(?:[-_ ]?(?:id|name))?|模型\s*(?:id|名称?)?", re.IGNORECASE)
NOT_JSON = re.compile(r'("(?:[^"\\]|\\.)*+\\?(?:"|\Z))|//[^\n]*|/\*(?:(?!\*/)[\s\S])*+(?:\*/|\Z)|(,)(?=\s*+[}\]])')
MODEL = re.compile(r'"model"\s*+:\s*+"([^"\\\n]{1,200})"')
PATHS = (  # the first that is in the path
    ("ocr", "ocr"),
    ("rerank", "rerank"),
    ("embed", "embedding"),
    ("chat", "llm"),
    ("completion", "llm"),
    ("generat", "llm"),
    ("/messages", "llm"),
    ("/responses", "llm"),
)


@dataclass(frozen=True, slots=True)
class Learned:
    """Empty where the command says nothing. `notes` say why, by code; they are words of the page."""

    vendor: str = ""
    kind: str = ""
    inference_url: str = ""
    api_key: str = field(default="", repr=False)
    auth: str = ""
    upstream_model: str = ""
    notes: tuple[str, ...] = ()


def curl_learn(text: str) -> Learned:
    """Never raises: what is no curl command teaches nothing, and has a note."""
    if len(text) > CURL_MAX:
        return Learned(notes=("too_long",))
    try:
        command = curl_read(text.replace("\x00", ""))
    except NoCurl:
        return Learned(notes=("no_curl",))
    notes = ["cut"] if command.is_cut else []
    body = body_of(command)
    url = url_given(command)
    kind = kind_of(path_of(url), body, command)
    vendor = vendor_of(url, kind)
    kind = kind if kind in vendor.kinds else ""
    base = base_of(url, vendor, kind, notes)
    key, auth = key_of(command, notes)
    return Learned(
        vendor=vendor.slug if base or kind else "",
        kind=kind,
        inference_url=base,
        api_key=key,
        auth=auth if auth in vendor.auths else "",
        upstream_model=model_of(body, command, notes),
        notes=tuple(notes),
    )


# --- the URL ----------------------------------------------------------------------------------------
def url_given(command: Command) -> str:
    """The first word that can be one: of several, the rest are words whose quotes were lost."""
    likely = (url for url in command.urls if re.search(r"[./:]", url))
    return next(likely, command.urls[0] if command.urls else "").strip()


def split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        _ = parts.port, parts.hostname
    except ValueError:
        return SplitResult("", "", url, "", "")
    return parts


def path_of(url: str) -> str:
    """Also of a URL whose host is a placeholder with spaces and slashes of its own."""
    return url.partition("//")[2].partition("/")[2].lower() if "//" in url else url.lower()


def base_of(url: str, vendor: Vendor, kind: str, notes: list[str]) -> str:
    """The base to be typed, by the URL doctor."""
    if not url or len(url) > URL_MAX:
        return ""
    host = split(url).hostname or ""
    if not host or HOLE.search(url.partition("?")[0]) or HOST_WORD.fullmatch(host):
        notes.append("url_hole")
        return ""
    advice = url_advise(vendor=vendor, kind=kind or next(iter(vendor.kinds)), url=url)
    if "unreadable" in advice.hints:
        notes.append("url_hole")
        return ""
    return advice.suggestion or url


def vendor_of(url: str, kind: str) -> Vendor:
    """By the host of the vendors' own addresses, or the port of one that runs on one's own machine."""
    given = split(url)
    for vendor in VENDORS.values():
        for spec in vendor.kinds.values():
            default = urlsplit(spec.default_url)
            is_local = default.hostname in {"127.0.0.1", "localhost"}
            if default.hostname and (given.port == default.port if is_local else given.hostname == default.hostname):
                return vendor
    if kind and kind not in VENDORS[FALLBACK].kinds:
        return min((one for one in VENDORS.values() if kind in one.kinds), key=lambda vendor: vendor.order)
    return VENDORS[FALLBACK]


# --- the body ---------------------------------------------------------------------------------------
def body_of(command: Command) -> Json:
    """Also of JSON as documents print it, with comments and a comma too many. Empty for what is none."""
    text = "".join(command.data)
    for attempt in (text, NOT_JSON.sub(lambda found: found[1] or "", text)):
        try:
            body = orjson.loads(attempt)
        except ValueError:
            continue
        return body if isinstance(body, dict) else {}
    return {}


def kind_of(path: str, body: Json, command: Command) -> str:
    if kind := next((kind for word, kind in PATHS if word in path), ""):
        return kind
    if any("=@" in one or one.startswith("file=") for one in command.form):
        return "ocr"
    inner: Any = body.get("input")
    fields = {*body, *(inner if isinstance(inner, dict) else ())}
    if "query" in fields and fields & {"documents", "texts"}:
        return "rerank"
    if fields & {"messages", "prompt"}:
        return "llm"
    return "embedding" if fields & {"input", "texts"} else ""


def model_of(body: Json, command: Command, notes: list[str]) -> str:
    """By its field, or, in a body that cannot be read at all, by what looks like it."""
    named = body.get("model")
    if not body:
        found = MODEL.search("".join(command.data))
        named = found[1] if found else next((one[6:] for one in command.form if one.startswith("model=")), None)
    if not isinstance(named, str) or not named.strip():
        return ""
    if MODEL_HOLE.search(named) or MODEL_WORD.fullmatch(named.strip()) or len(named) > 200:
        notes.append("model_hole")
        return ""
    return named.strip()


# --- the key ----------------------------------------------------------------------------------------
def key_of(command: Command, notes: list[str]) -> tuple[str, str]:
    """The key, and how it is sent; a placeholder still shows whether Bearer stands before it."""
    given = next((text for name, text in command.headers if name == "authorization"), "")
    if not given:
        return "", ""
    scheme, _, rest = given.partition(" ")
    auth, key = ("bearer", rest.strip()) if scheme.lower() == "bearer" else ("raw", given)
    if auth == "raw" and rest and scheme.lower() in {"basic", "digest", "token", "apikey"}:
        notes.append("other_auth")
        return "", ""
    if not key or HOLE.search(key) or KEY_WORD.fullmatch(key) or " " in key:
        notes.append("key_hole")
        return "", auth
    return key, auth
