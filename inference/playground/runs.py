"""An answer being made: the relay's caller inside this process, who may leave like any other.

A run is a task of its own. The browser's stream, or a plain form's POST, only looks on; when it goes away the run
leaves the gateway as a caller's socket would, so that the upstream is closed and what was relayed is billed.
"""

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

from accounts.models import User
from billing.estimator import text_tokens
from billing.pricing import Quote
from inference.gateway.app import HANDLERS
from inference.gateway.dialogue import parse_event
from inference.gateway.exchange import Exchange, Message
from inference.gateway.instance import gateway_app
from inference.gateway.metering import StreamMeter
from inference.gateway.quoting import quote_for
from inference.gateway.routes import Principal
from inference.gateway.sse import DONE, EventSplitter, event_data
from inference.playground.asking import Asking
from inference.playground.services import (
    Claimed,
    Made,
    answer_claim,
    answer_finish,
    answer_keep,
    stop_is_wanted,
)
from inference.playground.threads import in_thread
from models_registry.vendors.base import Json
from models_registry.vendors.thinking import StreamLifter

if TYPE_CHECKING:
    from inference.models import Answer

log = logging.getLogger(__name__)

PATH = "/v1/chat/completions"
LOOK_EVERY_S = 0.5  # for a stop that was asked for in another process
KEEP_EVERY = 4  # looks
DRAIN_S = 10.0

running: dict[str, "Run"] = {}  # by stream id


class Run(Asking):
    """`answer` is its row once it is claimed; None for good where somebody else was first."""

    def __init__(self, stream_id: str, user: User) -> None:
        super().__init__()
        self.stream_id = stream_id
        self.user = user
        self.answer: Answer | None = None
        self.finished: Answer | None = None
        self.is_over = False
        self.changed = asyncio.Event()
        self.status = 0
        self.splitter = EventSplitter()
        self.lifter = StreamLifter()
        self.meter: StreamMeter | None = None
        self.content = self.thinking = ""
        self.thinking_began_at = self.thinking_ended_at = 0.0
        self.error: Json = {}
        self.refusal = b""  # the body of an answer that is no stream

    def start(self) -> "Run":
        self.task = asyncio.get_running_loop().create_task(self.work())
        return self

    # --- the life of it ------------------------------------------------------------------------
    async def work(self) -> None:
        try:
            await self.make()
        except Exception:
            log.exception("the answer of stream %s failed", self.stream_id)
        finally:
            running.pop(self.stream_id, None)
            self.is_over = True
            self.changed.set()

    async def make(self) -> None:
        """Claim, call, keep. Nothing is held or called unless the claim was won."""
        scope = {"type": "http", "method": "POST", "path": PATH, "headers": []}
        exchange = Exchange(scope, self.receive, self.send)
        claimed = await in_thread(
            answer_claim, stream_id=self.stream_id, user=self.user, request_id=exchange.request_id
        )
        if claimed is None:
            return
        self.answer = claimed.answer
        running[self.stream_id] = self
        looking = asyncio.get_running_loop().create_task(self.look())
        try:
            if not self.left.is_set():
                await self.call(exchange, claimed)
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
        self.finished = await in_thread(answer_finish, answer_id=self.answer.pk, made=self.made())

    async def call(self, exchange: Exchange, claimed: Claimed) -> None:
        """The same way as a call with a key; the user was signed in by whoever made this run."""
        exchange.principal = Principal(None, claimed.workspace.pk)
        self.meter = meter_for(claimed.body)
        self.body = encoded(claimed.body)
        claimed.body.clear()  # as in `receive`
        self.changed.set()
        await gateway_app.handle(exchange, "chat", HANDLERS["chat"])

    async def look(self) -> None:
        """For a stop from elsewhere; and says every two seconds how far it is."""
        looks = 0
        while not self.left.is_set():
            await asyncio.sleep(LOOK_EVERY_S)
            assert self.answer is not None
            looks += 1
            try:
                if looks % KEEP_EVERY == 0:
                    await in_thread(answer_keep, answer_id=self.answer.pk, content=self.content, thinking=self.thinking)
                if await in_thread(stop_is_wanted, answer_id=self.answer.pk):
                    self.leave()
            except Exception:  # a database that is away for a moment ends no answer
                log.exception("stream %s could not look for a stop", self.stream_id)

    def made(self) -> Made:
        error = self.error
        return Made(
            self.content,
            self.thinking,
            text_tokens(self.thinking),
            self.thinking_ms,
            str(error.get("code", "")),
            str(error.get("message", "")),
        )

    @property
    def is_thinking(self) -> bool:
        return bool(self.thinking_began_at and not self.thinking_ended_at)

    @property
    def thinking_ms(self) -> int:
        """So far."""
        until = self.thinking_ended_at or time.perf_counter()
        return round((until - self.thinking_began_at) * 1000) if self.thinking_began_at else 0

    # --- ASGI, from the caller's side ------------------------------------------------------------
    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        chunk = message.get("body", b"")
        if self.status == 200:
            for event in self.splitter.feed(chunk):
                self.read(event)
            if not message.get("more_body"):
                self.take(self.lifter.rest())
        elif not message.get("more_body"):
            self.error = (parse_event(self.refusal + chunk) or {}).get("error") or {"code": "internal_error"}
        self.changed.set()

    def read(self, event: bytes) -> None:
        data = event_data(event)
        if data is None or data == DONE or (parsed := parse_event(data)) is None:
            return
        if "error" in parsed and isinstance(parsed["error"], dict):
            self.error = parsed["error"]
            return
        if self.meter:
            self.meter.read(parsed)
        self.lifter.lift(parsed)
        self.take(parsed)

    def take(self, event: Json | None) -> None:
        choices = event.get("choices") if event else None
        choice = choices[0] if isinstance(choices, list) and choices else None
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict):
            return
        thinking = string(delta.get("reasoning_content")) or string(delta.get("reasoning"))
        content = string(delta.get("content")) or string(delta.get("refusal"))
        if thinking:
            self.thinking_began_at = self.thinking_began_at or time.perf_counter()
            self.thinking += thinking
        if content:
            if self.thinking_began_at and not self.thinking_ended_at:
                self.thinking_ended_at = time.perf_counter()
            self.content += content

    @property
    def cost_nano(self) -> int:
        """So far, as counted; the bill comes with the end."""
        return self.meter.running_nano() if self.meter else 0


def encoded(body: Json) -> bytes:
    """In a tenth of json's time, in which no other call has its turn; but a number of more than 64 bits, which the
    gateway refuses in its own words, only json writes."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body, ensure_ascii=False).encode()


def string(value: object) -> str:
    return value if isinstance(value, str) else ""


def meter_for(body: Json) -> StreamMeter | None:
    """Counts like the gateway does while it runs. None for a model it will refuse."""
    quote = body_quote(body)
    return StreamMeter(quote) if quote else None


def body_quote(body: Json, operation: str = "chat") -> Quote | None:
    """The most a call may cost, as the gateway sees it now; None where it does not serve the model."""
    gateway = gateway_app.gateway
    model = gateway.keeper.current.models.get(body["model"]) if gateway else None
    return quote_for(operation, body, model) if model else None


async def runs_end() -> None:
    """The server stops: what still runs leaves the gateway and is settled before the clerk goes."""
    tasks = [run.task for run in running.values()]
    for run in list(running.values()):
        run.leave()
    if tasks:
        await asyncio.wait(tasks, timeout=DRAIN_S)
