"""The data plane as an ASGI app: paths to operations, errors to bodies, and the life of its parts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from django.conf import settings
from redis.asyncio import Redis

from accounts.money import nano_to_yuan
from billing.remote_clerk import RemoteClerk
from inference.gateway.admission import model_for, principal_of
from inference.gateway.call import Gateway, Timing
from inference.gateway.errors import BadRequest, GatewayError
from inference.gateway.exchange import Exchange, Receive, Send
from inference.gateway.limits import LimitCounter, LocalLimits
from inference.gateway.metrics import RUNNING, answered
from inference.gateway.native.speech import FORMS, MULTIMODAL, SERVICES, Form, Speech
from inference.gateway.openapi import openapi_bytes
from inference.gateway.quoting import quote_for
from inference.gateway.reading import read_request, take_image
from inference.gateway.relay import relay
from inference.gateway.requests import OPERATIONS, Operation
from inference.gateway.routes import ModelRoute
from inference.gateway.shared_limits import SharedLimits
from inference.gateway.snapshot import SnapshotKeeper
from inference.gateway.upstream import AiohttpTransport
from models_registry.vendors.base import Json

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Handler = Callable[[Gateway, Exchange], Awaitable[None]]

POSTS = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/embeddings": "embeddings",
    "/rerank": "rerank",
    "/ocr": "ocr",
    "/estimate": "estimate",
}


def is_data_plane(scope: Scope) -> bool:
    """Everything under /v1/, /v2/rerank and DashScope's paths; without /v1 the POST paths, and models with a key."""
    path: str = scope["path"]
    if path.startswith("/v1/") or path in {"/v1", "/v2/rerank"}:
        return True
    if path in POSTS or path.startswith(SERVICES):
        return True
    if path == "/models" or (path.startswith("/models/") and not path.endswith("/")):
        return any(name == b"authorization" for name, _ in scope["headers"])
    return False


class GatewayApp:
    """Start and stop inside the event loop; call it with requests of the data plane."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self.transport: AiohttpTransport | None = None

    async def start(self) -> None:
        """Raises where the database cannot be reached or a first snapshot cannot be made."""
        keeper, clerk = SnapshotKeeper(), RemoteClerk()
        await asyncio.to_thread(keeper.start)
        await clerk.start()
        self.transport = AiohttpTransport(settings.UPSTREAM_CONNECT_TIMEOUT_S)
        timing = Timing(
            settings.UPSTREAM_FIRST_BYTE_TIMEOUT_S,
            settings.UPSTREAM_IDLE_TIMEOUT_S,
            settings.UPSTREAM_TOTAL_TIMEOUT_S,
            settings.STREAM_KEEPALIVE_S,
        )
        self.gateway = Gateway(
            keeper, clerk, self.transport, timing, limit_counter(), int(settings.MAX_BODY_MB * 1024 * 1024)
        )

    async def stop(self) -> None:
        """The clerk last: it books what the ended calls left behind."""
        if self.gateway is None or self.transport is None:
            return
        self.gateway.keeper.stop()
        await self.transport.close()
        await self.gateway.limits.close()
        await self.gateway.clerk.stop()
        self.gateway = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.handle(Exchange(scope, receive, send), *route(scope))

    async def handle(self, exchange: Exchange, operation: str, handler: Handler) -> None:
        """Carries one exchange to its end: from a socket, or from inside this process. Every error is told in it."""
        RUNNING.inc()
        try:
            assert self.gateway is not None, "the gateway was not started"
            await handler(self.gateway, exchange)
        except GatewayError as error:
            await exchange.fail(error)
        except OSError:
            pass  # the caller left before there was anything to settle
        except Exception:
            log.exception("request %s failed", exchange.request_id)
            await exchange.fail(GatewayError("internal_error", "The gateway failed; nothing was charged."))
        finally:
            RUNNING.dec()
            requests, duration = answered(operation, exchange.status)
            requests.inc()
            duration.observe(exchange.elapsed_ms / 1000)


def limit_counter() -> LimitCounter:
    """Where there may be several workers or hosts they count together; models without limits never ask."""
    if settings.EMBEDDED or not settings.REDIS_URL:
        return LocalLimits()
    return SharedLimits(Redis.from_url(settings.REDIS_URL), settings.UPSTREAM_TOTAL_TIMEOUT_S)


# --- routes ------------------------------------------------------------------------------------------
def route(scope: Scope) -> tuple[str, Handler]:
    """The operation's name for the metrics, and who handles it."""
    path: str = scope["path"].removeprefix("/v1") or "/"
    method: str = scope["method"]
    if scope["path"] == "/v2/rerank":
        path = "/rerank"
    if name := POSTS.get(path):
        if method != "POST":
            return name, refuse_method("POST")
        return name, HANDLERS[name]
    if path in {"/models", "/models/", "/openapi.json"} or path.startswith("/models/"):
        handler = handle_openapi if path == "/openapi.json" else handle_models
        return "models", handler if method in {"GET", "HEAD"} else refuse_method("GET, HEAD")
    if scope["path"].startswith(SERVICES):
        return native_route(scope["path"], method)
    return "none", handle_unknown


def operation_handler(operation: Operation) -> Handler:
    async def handle(gateway: Gateway, exchange: Exchange) -> None:
        await relay(gateway, exchange, operation)

    return handle


def native_route(path: str, method: str) -> tuple[str, Handler]:
    """DashScope's own paths; even what is not there is told in its language."""
    form = FORMS.get(path)
    if form is None:
        return "none", native_handler(MULTIMODAL, handle_unknown)
    if method != "POST":
        return form.operation, native_handler(form, refuse_method("POST"))
    return form.operation, native_handler(form, HANDLERS[form.operation])


def native_handler(form: Form, handler: Handler) -> Handler:
    async def handle(gateway: Gateway, exchange: Exchange) -> None:
        exchange.speech = Speech(form, exchange.request_id)
        await handler(gateway, exchange)

    return handle


def refuse_method(allowed: str) -> Handler:
    async def handle(gateway: Gateway, exchange: Exchange) -> None:
        raise GatewayError("method_not_allowed", f"This path takes {allowed}.", headers={"Allow": allowed})

    return handle


async def handle_unknown(gateway: Gateway, exchange: Exchange) -> None:
    meant = path_meant(exchange.path)
    hint = f"; there is {meant}, so check the base URL" if meant else ""
    raise GatewayError("not_found", f"There is nothing at {exchange.path}{hint}. GET /v1/openapi.json lists the paths.")


def path_meant(path: str) -> str:
    """Clients put a path of ours behind a base URL, which may say the version twice or hold a whole path already."""
    known = ["/v2/rerank", *FORMS, *POSTS, *(f"/v1{post}" for post in POSTS)]
    return max((one for one in known if path.rstrip("/").endswith(one)), key=len, default="")


async def handle_openapi(gateway: Gateway, exchange: Exchange) -> None:
    await exchange.send_json(200, openapi_bytes())


# --- models ------------------------------------------------------------------------------------------
async def handle_models(gateway: Gateway, exchange: Exchange) -> None:
    snapshot = gateway.keeper.current
    principal_of(exchange, snapshot)
    name = exchange.path.removeprefix("/v1").removeprefix("/models").removeprefix("/")  # the server unquoted it
    if not name:
        listed = [model_card(model) for model in snapshot.models.values()]
        await exchange.send_json(200, orjson.dumps({"object": "list", "data": listed}))
        return
    await exchange.send_json(200, orjson.dumps(model_card(model_for(name, None, snapshot))))


def model_card(model: ModelRoute) -> Json:
    """OpenAI's fields, and what a developer wants to know before calling."""
    price = model.price
    return {
        "id": model.name,
        "object": "model",
        "created": model.created_at,
        "owned_by": "model-console",
        "kind": model.kind,
        "context_length": model.context_length,
        "max_output_tokens": model.max_output_tokens,
        "price": {
            "currency": "CNY",
            "input_per_m_tokens": nano_to_yuan(price.input_nano),
            "output_per_m_tokens": nano_to_yuan(price.output_nano),
            "per_call": nano_to_yuan(price.call_nano),
            "per_page": nano_to_yuan(price.page_nano),
            "free": price.is_free,
        },
        "limits": {"rpm": model.limits.rpm, "tpm": model.limits.tpm, "concurrency": model.limits.concurrency},
    }


# --- estimate ----------------------------------------------------------------------------------------
async def handle_estimate(gateway: Gateway, exchange: Exchange) -> None:
    """What the same body would cost as a call: at least the prompt, at most what would be held."""
    snapshot = gateway.keeper.current
    principal_of(exchange, snapshot)
    request = await read_request(exchange, ESTIMATE, gateway.body_bytes_max)
    operation = estimated_operation(request)
    if operation.name == "ocr" and not isinstance(request.get("file"), bytes):  # JSON; a form has it already
        take_image(request)
    operation.check(request)
    model = model_for(request["model"], operation.kind, snapshot)
    quote = quote_for(operation.name, request, model)
    answer = {
        "model": model.name,
        "min_cost": nano_to_yuan(quote.cost_nano(0)),
        "max_cost": nano_to_yuan(quote.max_nano),
        "prompt_tokens": quote.prompt_tokens,
    }
    await exchange.send_json(200, orjson.dumps(answer))


def estimated_operation(request: Json) -> Operation:
    """Told by the field that only its operation has."""
    for field, name in (
        ("messages", "chat"),
        ("prompt", "completions"),
        ("input", "embeddings"),
        ("documents", "rerank"),
        ("image", "ocr"),
        ("file", "ocr"),
    ):
        if field in request:
            return OPERATIONS[name]
    raise BadRequest("The body must be that of a chat, completions, embeddings, rerank or ocr call.")


ESTIMATE = Operation("estimate", "", lambda request: None)
HANDLERS: dict[str, Handler] = {name: operation_handler(operation) for name, operation in OPERATIONS.items()}
HANDLERS["estimate"] = handle_estimate
