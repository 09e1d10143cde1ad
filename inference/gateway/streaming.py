"""Events from the upstream to the caller, read in passing and otherwise untouched."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

import orjson

from accounts.money import nano_to_yuan
from inference.gateway.bill import extend_hold
from inference.gateway.call import Call, Ending
from inference.gateway.cleaning import cleaned
from inference.gateway.collecting import Collector
from inference.gateway.dialogue import UpstreamStream, open_stream, parse_event
from inference.gateway.errors import UpstreamFailure
from inference.gateway.routes import EndpointRoute
from inference.gateway.routing import first_that_answers
from inference.gateway.sse import DONE, KEEPALIVE, data_event, event_data
from inference.gateway.watch import Interrupted
from models_registry.vendors.base import Json, Reply
from models_registry.vendors.openai_shape import choice_text
from models_registry.vendors.thinking import StreamLifter, lift_reply
from models_registry.vendors.wire import error_message

COLLECTED_BYTES_MAX = 64 * 1024 * 1024


async def stream_through(call: Call) -> Ending:
    """Relays the stream to its end; what is billed at the end. Raises Interrupted, UpstreamFailure, OSError."""
    stream = await stream_opened(call)
    passage = Passage(call, stream.endpoint)
    headers = [(b"x-account-balance", nano_to_yuan(call.hold.balance_nano).encode()), *call.entry.headers]
    try:
        await taken(call, call.exchange.start_stream(headers))
    except BaseException:
        stream.close()
        raise
    keepalive = Keepalive(call)
    try:
        while not passage.is_done:
            with call.watch:
                events = await stream.next_events()
            call.watch.news()
            keepalive.news()
            if not events:
                break
            if out := passage.carry(events):
                await taken(call, call.exchange.write(out))
            if passage.failure:
                raise passage.failure
            if passage.outgrew_hold:
                await extend_hold(call)
    finally:
        keepalive.stop()
        stream.close()
    passage.check_complete()
    return Ending("success", call.meter.whole_usage())


async def taken(call: Call, writing: Coroutine[None, None, None]) -> None:
    """A caller who takes nothing for as long as an upstream may be silent counts as gone."""
    try:
        with call.watch:
            await writing
    except Interrupted as stop:
        writing.close()  # it may not have begun
        if stop.reason == "idle":
            raise Interrupted("caller_gone") from stop
        raise
    call.watch.news()


async def stream_opened(call: Call) -> UpstreamStream:
    """A stream whose first event is good, from the first endpoint that has one."""
    gateway = call.gateway

    async def attempt(endpoint: EndpointRoute) -> UpstreamStream:
        call.endpoint = endpoint
        call.watch.limit("first_byte", gateway.timing.first_byte_s)
        try:
            with call.watch:
                call.was_sent = True
                return await open_stream(gateway.transport, endpoint, call.operation, call.request)
        except UpstreamFailure:
            call.was_sent = False  # this one has answered: nothing is owed for it
            raise
        except Interrupted as stop:
            if stop.reason != "first_byte":
                raise
            call.was_sent = False
            raise UpstreamFailure("upstream_timeout", "The upstream did not begin its answer in time.") from stop

    stream = await first_that_answers(call.candidates, gateway.health, attempt)
    call.watch.limit("idle", gateway.timing.idle_s)
    call.first_byte_ms = call.exchange.elapsed_ms
    return stream


class Passage:
    """Decides event by event what the caller gets."""

    __slots__ = ("call", "endpoint", "failure", "is_done", "lifter", "meter", "speech")

    def __init__(self, call: Call, endpoint: EndpointRoute) -> None:
        self.call = call
        self.meter = call.meter
        self.speech = call.exchange.speech if call.is_streamed else None
        self.endpoint = endpoint
        self.lifter = StreamLifter() if endpoint.thinking == "lift" else None
        self.is_done = False
        self.failure: UpstreamFailure | None = None

    def carry(self, events: list[bytes]) -> bytes:
        """The bytes to relay. [DONE] is kept back: the bill comes first."""
        out = []
        for event in events:
            data = event_data(event)
            if data == DONE:
                self.is_done = True
                if self.lifter and (rest := self.lifter.rest()):
                    out.append(self.told(rest))
                break
            passed = event if data is None else self.carry_data(event, data)
            if self.failure:
                break
            out.append(passed)
        if self.speech:
            out.append(self.speech.flush())
        return b"".join(out)

    def carry_data(self, event: bytes, data: bytes) -> bytes:
        parsed = parse_event(data)
        if parsed is None:
            return event if self.speech is None else b""
        if ("error" in parsed or "choices" not in parsed) and (message := error_message(parsed)):
            self.failure = UpstreamFailure("upstream_error", cleaned(message, self.endpoint))
            return b""
        self.meter.read(parsed)
        is_changed = self.lifter is not None and self.lifter.lift(parsed)
        if self.speech:
            return self.told(parsed)
        if parsed.get("usage") and not self.call.wants_usage:
            if not parsed.get("choices"):
                return b""
            del parsed["usage"]
            is_changed = True
        return self.told(parsed) if is_changed else event

    def told(self, chunk: Json) -> bytes:
        """A canonical event for the caller; in DashScope's language it is told together with those beside it."""
        if self.speech is None:
            return data_event(orjson.dumps(chunk))
        self.speech.absorb(chunk)
        return b""

    @property
    def outgrew_hold(self) -> bool:
        hold = self.call.hold
        return bool(
            hold.quote.price.output_nano
            and self.meter.output_tenths > 10 * hold.cap_tokens * hold.quote.choices
            and self.meter.running_nano() > hold.held_nano
        )

    def check_complete(self) -> None:
        """Raises UpstreamFailure for a stream that just stopped, or said nothing."""
        if not (self.is_done or self.meter.finished):
            raise UpstreamFailure("upstream_error", "The upstream broke off its answer.")
        if not self.meter.output_tenths and not self.meter.was_cut:
            raise UpstreamFailure("upstream_error", "The upstream's answer was empty.")


class Keepalive:
    """A comment whenever nothing was sent for `keepalive_s`, so that proxies keep the connection."""

    def __init__(self, call: Call) -> None:
        self.exchange = call.exchange
        self.every_s = call.gateway.timing.keepalive_s
        self.loop = asyncio.get_running_loop()
        self.news()
        self.timer = self.loop.call_later(self.every_s, self.on_timer)
        self.sending: asyncio.Task[None] | None = None

    def news(self) -> None:
        self.due_at = self.loop.time() + self.every_s

    def on_timer(self) -> None:
        if self.loop.time() >= self.due_at and (self.sending is None or self.sending.done()):
            self.sending = self.loop.create_task(self.send())
            self.news()
        self.timer = self.loop.call_at(self.due_at, self.on_timer)

    async def send(self) -> None:
        with suppress(OSError):  # the caller is gone; the watch will say so
            await self.exchange.write(KEEPALIVE)

    def stop(self) -> None:
        self.timer.cancel()
        if self.sending is not None:
            self.sending.cancel()


async def collect(call: Call) -> Reply:
    """The whole stream as one reply, for callers of JSON whose upstream only streams."""
    stream = await stream_opened(call)
    passage, collector, size = Passage(call, stream.endpoint), Collector(), 0
    try:
        while not passage.is_done:
            with call.watch:
                events = await stream.next_events()
            call.watch.news()
            if not events:
                break
            size += sum(map(len, events))
            if size > COLLECTED_BYTES_MAX:
                raise UpstreamFailure("upstream_error", "The upstream's reply is too large.")
            for event in events:
                if (data := event_data(event)) and data != DONE and (parsed := parse_event(data)):
                    collector.read(parsed)
            passage.carry(events)
            if passage.failure:
                raise passage.failure
    finally:
        stream.close()
    passage.check_complete()
    text = "".join(choice_text(choice) for choice in collector.choices.values())
    reply = Reply(collector.reply(), call.meter.seen, text)
    return lift_reply(reply) if stream.endpoint.thinking == "lift" else reply
