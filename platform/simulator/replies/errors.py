"""Error bodies: OpenAI's, DashScope's, and a proxy's HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from simulator.replies.shapes import Body, Event, Reply, Stream, json_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.replies.shapes import Call
    from simulator.switches import Switches

RETRY_AFTER_S = 7

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_CODES = {
    400: "InvalidParameter",
    401: "InvalidApiKey",
    403: "AccessDenied",
    404: "ModelNotFound",
    429: "Throttling",
}


def error_payload(message: str, status: int, *, native: bool = False) -> dict[str, Any]:
    if native:
        return {"code": _CODES.get(status, "InternalError"), "message": message, "request_id": "sim-error"}
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    code = "invalid_api_key" if status == 401 else None
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def error_reply(call: Call, message: str, status: int) -> Body:
    payload = error_payload(call.switches.status_body or message, status, native=call.native)
    return json_body(payload, status, _headers(call.switches, status))


def error_event(call: Call, message: str = "the model stopped working") -> Event:
    payload = error_payload(call.switches.status_body or message, 500, native=call.native)
    head = "event:error\n:HTTP_STATUS/500\n" if call.native else ""
    return Event(orjson.dumps(payload), head=head)


def error_with_200(call: Call) -> Reply:
    if call.stream:
        return Stream((error_event(call, "the model is overloaded"),))
    message = call.switches.status_body or "the model is overloaded"
    return json_body(error_payload(message, 500, native=call.native))


def html_page(status: int, message: str | None) -> Body:
    page = f"<html><head><title>{status}</title></head><body><h1>{message or 'nginx'}</h1></body></html>"
    return Body(page.encode(), status, "text/html")


def refusal(call: Call, authorization: str | None) -> Body | None:
    """The answer of a call that the switches refuse before any model would see it."""
    switches = call.switches
    if not _authorized(switches, authorization):
        return error_reply(call, "Invalid API-KEY", 401)
    if switches.html is not None:
        return html_page(switches.html, switches.status_body)
    if switches.status is not None:
        return error_reply(call, f"simulated status {switches.status}", switches.status)
    return None


def _authorized(switches: Switches, authorization: str | None) -> bool:
    if switches.key is not None and authorization != f"Bearer {switches.key}":
        return False
    return switches.key_raw is None or authorization == switches.key_raw


def _headers(switches: Switches, status: int) -> Mapping[str, str]:
    headers = {}
    if switches.retry_after is not None or status == 429:
        seconds = RETRY_AFTER_S if switches.retry_after is None else switches.retry_after
        headers["Retry-After"] = str(seconds)
    if switches.location:
        headers["Location"] = switches.location
    return headers
