"""From a recorded request to a Call: where the body, the model and the switches are found."""

from __future__ import annotations

import re
import time
from email.parser import Parser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from simulator.replies.shapes import Call, RefusedError
from simulator.switches import Switches, parse, split_model

if TYPE_CHECKING:
    from simulator.recorder import Recorded
    from simulator.routes import Route

_PATH_SWITCHES = re.compile(r"/sim;([^/]*)/")


def call_of(recorded: Recorded, route: Route | None) -> Call:
    """Raises RefusedError for a body that can't be read, SwitchError for switches that don't exist."""
    body, file_name = _body(recorded)
    model = body.get("model")
    model = model if isinstance(model, str) else ""
    return Call(
        switches=_switches(recorded, model),
        model=model,
        body=body,
        file_name=file_name,
        stream=route is not None and route.streams and _streams(recorded, route, body),
        native=route is not None and route.native,
        now=int(time.time()),
    )


def _body(recorded: Recorded) -> tuple[dict[str, Any], str | None]:
    """The JSON object or the form's fields, and the name of the uploaded file."""
    content_type = recorded.headers.get("content-type", "")
    if content_type.startswith("multipart/"):
        return _form(content_type, recorded.body)
    if recorded.method != "POST":
        return {}, None
    if not isinstance(recorded.json, dict):
        raise RefusedError("the body is not a JSON object")
    return recorded.json, None


def _switches(recorded: Recorded, model: str) -> Switches:
    """All sources joined; the later ones win."""
    path = _PATH_SWITCHES.search(recorded.path)
    query = parse_qs(recorded.query).get("sim", [])
    sources = [path[1] if path else "", *query, split_model(model)[1]]
    return parse(";".join([*sources, unquote(recorded.headers.get("x-sim", ""))]))


def _streams(recorded: Recorded, route: Route, body: dict[str, Any]) -> bool:
    if route.native:
        return recorded.headers.get("x-dashscope-sse", "").lower() == "enable"
    return body.get("stream") is True


def _form(content_type: str, raw: bytes) -> tuple[dict[str, Any], str | None]:
    message = Parser().parsestr(f"Content-Type: {content_type}\r\n\r\n{raw.decode(errors='surrogateescape')}")
    fields: dict[str, Any] = {}
    file_name = None
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        if name == "file":
            file_name = part.get_filename() or "file"
        elif isinstance(name, str):
            fields[name] = part.get_payload()
    return fields, file_name
