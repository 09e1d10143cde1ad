from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from simulator.server import SimulatorThread

QUESTION = [{"role": "user", "content": "你好 world"}]
CHAT = "/v1/chat/completions"


class Caller:
    """An HTTP client that knows how the simulator's paths are called."""

    def __init__(self, upstream: SimulatorThread, http: httpx.Client) -> None:
        self.upstream, self.http = upstream, http

    def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, json=body, headers=named)

    def chat(self, model: str, **params: Any) -> httpx.Response:
        return self.post(CHAT, {"model": model, "messages": QUESTION, **params})

    def reply(self, model: str, **params: Any) -> Any:
        response = self.chat(model, **params)
        assert response.status_code == 200, response.text
        return response.json()

    def raw_stream(self, model: str, **params: Any) -> bytes:
        return self.chat(model, stream=True, **params).content

    def stream(self, model: str, *, include_usage: bool = True, **params: Any) -> list[Any]:
        options = {"stream_options": {"include_usage": True}} if include_usage else {}
        return events_of(self.raw_stream(model, **options, **params))

    def broken_stream(self, model: str) -> tuple[list[str], Exception | None]:
        """The lines that arrived and what ended them."""
        lines: list[str] = []
        body = {"model": model, "messages": QUESTION, "stream": True}
        try:
            with self.http.stream("POST", CHAT, json=body) as response:
                lines.extend(line for line in response.iter_lines() if line)
        except httpx.TransportError as error:
            return lines, error
        return lines, None


def events_of(raw: bytes) -> list[Any]:
    lines = [line.removeprefix("data:").strip() for line in raw.decode().split("\n") if line.startswith("data:")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def trusting_all() -> ssl.SSLContext:
    """As `curl -k`: to fetch the authority that is to be trusted from then on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
