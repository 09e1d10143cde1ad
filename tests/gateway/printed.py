"""What the five source documents print, cut out of them line by line: tests/fixtures/documents/samples."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SAMPLES = Path(__file__).parents[1] / "fixtures/documents/samples"
DOCUMENTS = ("paratera", "common_maas", "wcode", "model_management", "yunwang")
PLACEHOLDERS = ("<模型名称>", "{模型名称}", "模型ID", "模型id", "xxxxxx")  # where a model's name is left open
HEADER_OPTIONS, DATA_OPTIONS = ("-H", "--header"), ("-d", "--data", "--data-raw")
WITH_VALUE = ("-X", "--request", "--url", "--form", *HEADER_OPTIONS, *DATA_OPTIONS)
JSON_HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer KEY"}


@cache
def samples(document: str) -> Mapping[str, str]:
    """The samples of a document by their names."""
    text = (SAMPLES / f"{document}.txt").read_text(encoding="utf-8")
    parts = re.split(r"^=== (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (part.rstrip("\n") for part in parts[1::2]), strict=True))


class Request(NamedTuple):
    """One printed call. `path` is that of the vendor; a body is bytes as printed, a form names its fields."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    form: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def authorization(self) -> str:
        """As printed: `Bearer …`, the bare key, or "" where none is."""
        return next((value for name, value in self.headers.items() if name.lower() == "authorization"), "")


def request_of(document: str, sample: str) -> Request:
    text = samples(document)[sample]
    if re.search(r"\bcurl\b", sample):
        return curl_request(text)
    if sample.endswith((".java", ".php")):
        return Request("/v1/chat/completions", JSON_HEADERS, json_in_code(text))
    return Request(body_path(text), JSON_HEADERS, text.encode())


def curl_request(text: str) -> Request:
    words = shlex.split(text.replace("\\\n", " ").replace("<Base URL>", "BASE").replace("Base URLs", "BASE"), True)
    url, headers, body, form = "", {}, "", []
    arguments = iter(words[1:])
    for word in arguments:
        value = next(arguments) if word in WITH_VALUE else ""
        if word in HEADER_OPTIONS:
            name, _, header = value.partition(":")
            headers[name.strip()] = header.strip()
        elif word in DATA_OPTIONS:
            body = value
        elif word == "--form":
            form.append(value.partition("=")[0])
        elif word == "--url" or not word.startswith("-"):
            url = value or word
    return Request(url_path(url, body), headers, body.encode(), tuple(form))


def url_path(url: str, body: str) -> str:
    if url == "URL":  # left open: any base with a version
        return body_path(body)
    return urlsplit(url).path if "://" in url else url.removeprefix("BASE")


def body_path(body: str) -> str:
    """Of a sample without an address: told by the field that only one path takes."""
    if '"documents"' in body:
        return "/v1/rerank"
    return "/v1/embeddings" if '"input":' in body else "/v1/chat/completions"


def json_in_code(text: str) -> bytes:
    """The body that a Java or PHP sample holds as a string."""
    if php := re.search(r"\$body = '(\{.*?\n\})'", text, re.DOTALL):
        return php[1].encode()
    java = re.search(r'create\(mediaType, "(.*)"\);', text)
    assert java
    return java[1].replace('\\"', '"').encode()


def reply_of(document: str, sample: str) -> bytes:
    """A printed reply. The dots and comments that stand for more numbers of a vector are cut out of it."""
    text = samples(document)[sample].replace("[...] // 嵌入向量数组", "[0.25, -0.5]")
    return re.sub(r",\s*……", "", text).encode()


def paths_in(value: Any, at: str = "") -> Iterator[str]:
    """The names of all fields, as `choices[].message.role`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{at}.{name}".lstrip(".")
            yield from paths_in(inner, f"{at}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths_in(inner, f"{at}[]")
