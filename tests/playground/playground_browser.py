"""A signed-in browser as far as the playground needs one: cookies, forms, event streams."""

import html
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.test import Client
from gateway_desk import Caller, wait_until

from inference.models import Answer, Conversation, Turn

CSRF = "a" * 32
STREAM = re.compile(r'sse-connect="(/playground/streams/[^"]+)"')
HTMX = {"HX-Request": "true"}


@dataclass
class Events:
    """A stream read to its end: (name, data) of each event."""

    status: int
    content_type: str
    found: list[tuple[str, str]]

    @classmethod
    def of(cls, response: httpx.Response) -> "Events":
        blocks = [block for block in response.text.split("\n\n") if block.strip() and not block.startswith(":")]
        return cls(response.status_code, response.headers["content-type"], [event_of(block) for block in blocks])

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.found]

    def data(self, name: str) -> str:
        """Of all events of that name, one after the other."""
        return "".join(data for found, data in self.found if found == name)

    @property
    def finished(self) -> str:
        return self.data("finished")

    @property
    def is_closed_only(self) -> bool:
        return self.status == 200 and self.content_type.startswith("text/event-stream") and self.names == ["close"]


def event_of(block: str) -> tuple[str, str]:
    lines = block.split("\n")
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data:")]
    return lines[0].removeprefix("event: "), "\n".join(data)


@dataclass
class Browser:
    caller: Caller
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def __post_init__(self) -> None:
        client = Client()
        client.force_login(self.caller.user)
        self.http = httpx.Client(
            base_url=self.caller.desk.url,
            cookies={"sessionid": client.cookies["sessionid"].value, "csrftoken": CSRF},
            headers={"X-CSRFToken": CSRF},
            timeout=15,
            trust_env=False,
        )

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(path, headers=headers)

    def post(self, path: str, data: dict[str, Any] | None = None, *, htmx: bool = True) -> httpx.Response:
        return self.http.post(path, data=data or {}, headers=HTMX if htmx else {})

    def send(
        self,
        prompt: str,
        *models: str,
        conversation: Conversation | None = None,
        key: str = "",
        htmx: bool = True,
        **fields: Any,
    ) -> httpx.Response:
        """Posts the composer. Each call is a page of its own unless it is given a key."""
        data = {
            "prompt": prompt,
            "model": list(models),
            "key": key or secrets.token_urlsafe(16),
            "conversation": conversation.pk if conversation else "",
            **fields,
        }
        return self.post("/playground/turns/", data, htmx=htmx)

    def streams(self, prompt: str, *models: str, **fields: Any) -> list[str]:
        """The streams a sent prompt may be answered on."""
        response = self.send(prompt, *models, **fields)
        assert response.status_code == 200, response.text
        return [html.unescape(path) for path in STREAM.findall(response.text)]

    def listen(self, path: str) -> Events:
        return Events.of(self.get(path))

    def ask(self, prompt: str, model: str, **fields: Any) -> Events:
        (path,) = self.streams(prompt, model, **fields)
        return self.listen(path)

    @contextmanager
    def listening(self, path: str, until: str = "event: tail") -> Iterator[None]:
        """An open stream that has shown `until`; leaving the block closes the connection."""
        with self.http.stream("GET", path) as response:
            seen, pieces = "", response.iter_text()
            while until not in seen:
                seen += next(pieces)
            yield
            del pieces  # httpx closes the connection when its iterator goes, and no sooner than here it may

    # --- what became of it ---------------------------------------------------------------------
    @property
    def conversation(self) -> Conversation:
        return Conversation.objects.filter(user=self.caller.user).latest("id")

    @property
    def turns(self) -> int:
        return Turn.objects.filter(conversation__user=self.caller.user).count()

    @property
    def answer(self) -> Answer:
        return Answer.objects.filter(turn__conversation__user=self.caller.user).latest("id")

    def answer_when(self, state: str, seconds: float = 3.0) -> Answer:
        wait_until(lambda: self.answer.state == state, seconds, every_s=0.02)
        return self.answer
