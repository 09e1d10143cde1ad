"""The server: keeps a record of every request and answers it as its switches say."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from typing import TYPE_CHECKING, Self

import uvloop
from aiohttp import web

from simulator import routes
from simulator.certificates import Authority
from simulator.control import Control
from simulator.reading import call_of
from simulator.recorder import Recorded
from simulator.replies.errors import error_reply
from simulator.replies.shapes import Call, RefusedError
from simulator.state import State
from simulator.switches import SwitchError, Switches
from simulator.writing import Exchange, SeveredError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from simulator.certificates import Tls
    from simulator.replies.shapes import Reply
    from simulator.routes import Route

BODY_BYTES_MAX = 128 * 2**20
BACKLOG = 1024
SHUTDOWN_S = 0.2
START_S = 10


class Simulator:
    def __init__(self) -> None:
        self.state = State()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.add_routes([*Control(self.state).routes(), web.route("*", "/{path:.*}", self.handle)])
        app.on_shutdown.append(self._stop)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        recorded = await _record(request)
        self.state.recorder.add(recorded)
        try:
            return await self._answer(Exchange(request, recorded, self.state.stopping))
        except SeveredError:
            return web.Response()
        except ConnectionError:
            self._note_departure(recorded)
            return web.Response()
        except asyncio.CancelledError:
            self._note_departure(recorded)
            raise

    def _note_departure(self, recorded: Recorded) -> None:
        if not recorded.finished and not self.state.stopping.is_set():
            recorded.closed_at = time.monotonic()

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        """The whole way of a call: what it asks for, the faults before an answer, the answer."""
        recorded = exchange.recorded
        route = routes.find(recorded.path)
        try:
            call = call_of(recorded, route)
        except (RefusedError, SwitchError) as error:
            return await exchange.write(*_bad_request(str(error), route))
        if self.state.outage.covers(call.model):
            return await exchange.write(error_reply(call, "the model is down", 503), call)
        await exchange.fail_early(call)
        return await exchange.write(self._reply(route, call, recorded), call)

    def _reply(self, route: Route | None, call: Call, recorded: Recorded) -> Reply:
        if route is None or route.method != recorded.method:
            status = 404 if route is None else 405
            return error_reply(call, f"{recorded.method} {recorded.path} is not served here", status)
        if self.state.fails_again(call.model or recorded.path, call.switches.fail_first):
            return error_reply(call, "simulated failure of a first call", 500)
        return routes.reply_to(route, call, recorded.headers.get("authorization"))

    async def _stop(self, _app: web.Application) -> None:
        self.state.stopping.set()


async def start(simulator: Simulator, host: str, port: int, tls: Tls | None = None) -> tuple[web.AppRunner, str]:
    """Listen, and tell the URL; port 0 takes a free one. `tls` names the certificate to be shown."""
    authority = Authority() if tls else None
    simulator.state.authority_pem = authority.pem if authority else ""
    runner = web.AppRunner(
        simulator.application(), access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S
    )
    await runner.setup()
    try:
        context = authority.context(tls) if authority and tls else None
        await web.TCPSite(runner, host, port, backlog=BACKLOG, ssl_context=context).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, f"{'https' if tls else 'http'}://{host}:{runner.addresses[0][1]}"


async def close(runner: web.AppRunner) -> None:
    """A caller over TLS who never says farewell is not waited for: the loop could not be closed."""
    connections = runner.server.connections if runner.server else []
    transports = [connection.transport for connection in connections if connection.transport]
    await runner.cleanup()
    for transport in transports:
        transport.abort()
    await asyncio.sleep(0)


def run(host: str, port: int, announce: Callable[[str], object], tls: Tls | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(host, port, announce, tls))


async def _serve(host: str, port: int, announce: Callable[[str], object], tls: Tls | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner, url = await start(Simulator(), host, port, tls)
    announce(url)
    await stop.wait()
    await close(runner)


class SimulatorThread:
    """The simulator on a free port, in a thread: `with SimulatorThread() as upstream: upstream.url`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, tls: Tls | None = None) -> None:
        self.url = ""
        self._host, self._port, self._tls = host, port, tls
        self._simulator = Simulator()
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    @property
    def requests(self) -> list[Recorded]:
        """A copy of the last 10,000, oldest first; an entry goes on changing until it is answered."""
        return self._simulator.state.recorder.last()

    @property
    def authority_pem(self) -> str:
        """Whoever trusts this authority can call a simulator that speaks TLS."""
        return self._simulator.state.authority_pem

    def clear(self) -> None:
        self._simulator.state.recorder.clear()

    def set_down(self, down: bool = True, models: list[str] | None = None) -> None:
        self._loop.call_soon_threadsafe(self._simulator.state.outage.switch, down, models)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_S):
            raise TimeoutError("the simulator did not start")
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            runner, self.url = await start(self._simulator, self._host, self._port, self._tls)
        except OSError as error:
            self._failure = error
            return
        finally:
            self._ready.set()
        await self._stop.wait()
        await close(runner)


async def _record(request: web.Request) -> Recorded:
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.read()
    return Recorded(request.method, request.path, request.rel_url.raw_query_string, headers, body)


def _bad_request(message: str, route: Route | None) -> tuple[Reply, Call]:
    call = Call(switches=Switches(), native=route is not None and route.native)
    return error_reply(call, message, 400), call
