"""A request's whole way, from the caller's bytes to the settled bill."""

import asyncio
import logging
import time
from contextlib import suppress

import orjson

from billing.operations import CallContext, OpenHold, PlaceHold, Settlement
from billing.pricing import Usage
from inference.gateway.admission import check_profiles, model_for, principal_of
from inference.gateway.answers import money_comment, money_headers, reply_body, usage_event
from inference.gateway.bill import place_hold, settle, settle_later
from inference.gateway.call import Call, Ending, Gateway
from inference.gateway.dialogue import ask
from inference.gateway.errors import GatewayError, UpstreamFailure
from inference.gateway.exchange import Exchange
from inference.gateway.limits import Entry
from inference.gateway.metering import StreamMeter, reply_usage
from inference.gateway.quoting import check_max_cost, quote_for, with_cap
from inference.gateway.reading import fetch_image, read_request
from inference.gateway.requests import Operation
from inference.gateway.routes import EndpointRoute, ModelRoute
from inference.gateway.routing import candidates, first_that_answers
from inference.gateway.sse import DONE_EVENT, data_event
from inference.gateway.streaming import collect, stream_through
from inference.gateway.watch import Interrupted, Watch
from models_registry.vendors.base import Json, Reply

log = logging.getLogger(__name__)

TIMEOUTS = {
    "idle": "The upstream fell silent in the middle of its answer.",
    "total": "The call took longer than the total time allowed.",
}


async def relay(gateway: Gateway, exchange: Exchange, operation: Operation) -> None:
    """Admit, hold, ask upstream, settle, answer. Raises GatewayError before anything was held."""
    snapshot = gateway.keeper.current
    principal = principal_of(exchange, snapshot)  # 401, 403
    request = await read_request(exchange, operation, gateway.body_bytes_max)  # 400, 413
    model = model_for(request["model"], operation.kind, snapshot)  # 404
    quote = quote_for(operation.name, request, model)
    check_max_cost(exchange.header(b"x-max-cost"), quote)  # 400, 402
    endpoints = candidates(model, gateway.health)  # 503
    check_profiles(request, endpoints)  # 400
    entry = await gateway.limits.enter(  # 429
        exchange.request_id, principal.workspace_id, model.id, model.limits, quote.prompt_tokens
    )
    watch = Watch(exchange.receive, gateway.timing.total_s)
    try:
        context = CallContext(
            request_id=exchange.request_id,
            workspace_id=principal.workspace_id,
            api_key_id=principal.key_id,
            model=model.name,
            operation=operation.name,
            streamed=operation.kind == "llm" and request.get("stream") is True,
            price_version=model.price.version,
            started_us=time.time_ns() // 1000,
        )
        hold = await place_hold(gateway.clerk, PlaceHold(context, quote))  # 402
        call = admitted(gateway, exchange, request, model, endpoints, hold, entry, watch)
        ending = await answer(call)
        settlement = await settle(call, ending)
        entry.leave(ending.usage.prompt_tokens + ending.usage.completion_tokens)
        await conclude(call, ending, settlement)
    finally:
        watch.close()
        entry.give_back()  # where it did not come to a bill


def admitted(
    gateway: Gateway,
    exchange: Exchange,
    request: Json,
    model: ModelRoute,
    endpoints: list[EndpointRoute],
    hold: OpenHold,
    entry: Entry,
    watch: Watch,
) -> Call:
    options = request.get("stream_options")
    return Call(
        gateway=gateway,
        exchange=exchange,
        operation=hold.context.operation,
        request=with_cap(request, hold.quote, hold.cap_tokens),
        model=model,
        candidates=endpoints,
        hold=hold,
        entry=entry,
        watch=watch,
        meter=StreamMeter(hold.quote),
        is_streamed=hold.context.streamed,
        wants_usage=bool(isinstance(options, dict) and options.get("include_usage")),
    )


async def answer(call: Call) -> Ending:
    """Whatever happens upstream, or to the caller, becomes an ending that can be billed."""
    try:
        workspace_id, size_max = call.hold.context.workspace_id, call.gateway.body_bytes_max
        await fetch_image(call.request, call.watch, workspace_id, size_max)  # 400
        return await (stream_through(call) if call.is_streamed else fetch(call))
    except Interrupted as stop:
        if stop.reason == "caller_gone":
            return caller_left(call)
        return broken(call, UpstreamFailure("upstream_timeout", TIMEOUTS[stop.reason]))
    except OSError:  # the caller's socket: the upstream's errors were translated at their border
        return caller_left(call)
    except GatewayError as error:
        return broken(call, error)
    except asyncio.CancelledError:  # this server is being stopped
        settle_later(call, caller_left(call) if call.exchange.started else Ending("failed"))
        raise
    except Exception:  # a mistake of ours must not leave the hold open
        log.exception("request %s failed", call.exchange.request_id)
        return broken(call, GatewayError("internal_error", "The gateway failed."))


async def fetch(call: Call) -> Ending:
    """A whole reply from the first endpoint that gives one."""
    gateway = call.gateway
    if call.model.stream_only and call.operation in {"chat", "completions"}:
        call.request = {**call.request, "stream": True}
        return whole(call, await collect(call))

    async def attempt(endpoint: EndpointRoute) -> Reply:
        call.endpoint, call.was_sent = endpoint, True
        try:
            return await ask(gateway.transport, endpoint, call.operation, call.request)
        except UpstreamFailure:
            call.was_sent = False  # this one has answered: nothing is owed for it
            raise

    with call.watch:
        reply = await first_that_answers(call.candidates, gateway.health, attempt)
    call.first_byte_ms = call.exchange.elapsed_ms
    return whole(call, reply)


def whole(call: Call, reply: Reply) -> Ending:
    """The body is made before the bill: what cannot be said is not charged."""
    usage = reply_usage(reply, call.hold.quote)
    try:
        if speech := call.exchange.speech:
            return Ending("success", usage, body=speech.reply(reply, usage))
        body = reply_body(call.operation, reply, usage, model=call.model.name, request_id=call.exchange.request_id)
    except orjson.JSONEncodeError as error:
        raise UpstreamFailure("upstream_error", "The upstream's reply is nested too deeply.") from error
    return Ending("success", usage, body=body)


def caller_left(call: Call) -> Ending:
    """Pays for the prompt, if it went upstream, and for what was relayed."""
    if not call.was_sent:
        return Ending("client_closed")
    if not call.exchange.started:
        return Ending("client_closed", Usage(call.hold.quote.prompt_tokens, source="partial"))
    return Ending("client_closed", call.meter.partial_usage())


def broken(call: Call, error: GatewayError) -> Ending:
    """After output went out: prompt and output. Before: nothing."""
    if isinstance(error, UpstreamFailure) and not error.is_callers_fault and call.endpoint:
        call.gateway.health.failed(call.endpoint)
    if call.exchange.started and call.meter.output_tenths:
        return Ending("broken_off", call.meter.partial_usage(), error)
    return Ending("failed", Usage(), error)


async def conclude(call: Call, ending: Ending, settlement: Settlement) -> None:
    """What is left to say after the bill: the reply, the end of the stream, or the error."""
    exchange = call.exchange
    if ending.outcome == "client_closed":
        return
    if not exchange.started:
        await conclude_json(call, ending, settlement)
        return
    call.watch.grant("stalled", call.gateway.timing.idle_s)
    with suppress(Interrupted), call.watch:
        await exchange.finish(last_events(call, ending, settlement))


def last_events(call: Call, ending: Ending, settlement: Settlement) -> bytes:
    request_id, last = call.exchange.request_id, money_comment(settlement)
    if ending.error:
        return last + call.exchange.error_event(ending.error)
    if speech := call.exchange.speech:
        return last + speech.end(ending.usage)
    if call.wants_usage and call.meter.seen is None:
        event = usage_event(call.operation, call.model.name, request_id, int(time.time()), ending.usage)
        last = data_event(orjson.dumps(event)) + last
    return last + DONE_EVENT


async def conclude_json(call: Call, ending: Ending, settlement: Settlement) -> None:
    headers = [*money_headers(settlement), *call.entry.headers]
    if ending.error:
        await call.exchange.send_error(ending.error, headers)
        return
    await call.exchange.send_json(200, ending.body, headers)
