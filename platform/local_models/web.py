"""What the three Python servers share: JSON errors, input checks, one busy model, a quick stop."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from local_models.process import exit_within

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
ErrorBody = Callable[[int, str], dict[str, object]]
Load = Callable[[], object]

CALLS_WAITING_MAX = 32
GRACE_S = 1.0
STOP_DEADLINE_S = 1.0


class RequestRefusedError(Exception):
    """The request cannot be served; `message` is for the caller."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class ModelWorker:
    """One thread for one model; calls wait in line, and a full line refuses the next with 503."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._calls = 0

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._calls > CALLS_WAITING_MAX:
            raise RequestRefusedError("the model is busy, try again later", status=503)
        self._calls += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))
        finally:
            self._calls -= 1

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


WORKER = web.AppKey("worker", ModelWorker)


def openai_error(status: int, message: str) -> dict[str, object]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def create_app(load: Load, *, body_bytes_max: int, error_body: ErrorBody = openai_error) -> web.Application:
    """An application that loads its model before it listens and answers every error as `error_body` says."""
    app = web.Application(client_max_size=body_bytes_max, middlewares=[_errors_as_json(error_body)])
    app[WORKER] = ModelWorker()

    async def start(app: web.Application) -> None:
        await app[WORKER].call(load)

    async def stop(app: web.Application) -> None:
        app[WORKER].close()

    app.on_startup.append(start)
    app.on_cleanup.append(stop)
    app.router.add_get("/healthz", _healthz)
    return app


def _errors_as_json(error_body: ErrorBody) -> Middleware:
    def answer(status: int, message: str) -> web.Response:
        return web.json_response(error_body(status, message), status=status)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RequestRefusedError as error:
            return answer(error.status, error.message)
        except web.HTTPException as error:
            return answer(error.status, error.reason)
        except Exception:
            logger.exception("%s failed", request.path)
            return answer(500, "the model failed on this request")

    return middleware


async def _healthz(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def add_model_list(app: web.Application, model: str) -> None:
    """GET /v1/models with the one model of this server."""

    async def models(request: web.Request) -> web.Response:
        entry = {"id": model, "object": "model", "created": 0, "owned_by": "local"}
        return web.json_response({"object": "list", "data": [entry]})

    app.router.add_get("/v1/models", models)


async def read_object(request: web.Request) -> dict[str, object]:
    """The request's JSON object; anything else is refused."""
    try:
        body = await request.json()
    except (ValueError, LookupError, RecursionError) as error:
        raise RequestRefusedError(f"the body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise RequestRefusedError("the body must be a JSON object")
    return body


def check_model(body: dict[str, object], model: str) -> None:
    if body.get("model", model) != model:
        raise RequestRefusedError(f"unknown model, this server has {model}", status=404)


def serve(app: web.Application, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT; running requests have `GRACE_S` to finish, then are cut off."""
    try:
        web.run_app(app, host=host, port=port, shutdown_timeout=GRACE_S, print=None, access_log=None)
    finally:
        exit_within(STOP_DEADLINE_S)
