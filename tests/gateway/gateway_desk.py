"""Short words for what gateway tests do: serve, register, call, look at the books."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import uvicorn
import uvloop
from django.db import transaction

from accounts.models import ApiKey, User, Workspace
from accounts.revision import revision_current
from accounts.services import api_key_create, workspace_create
from billing.ledger import book, console_writer_id
from billing.models import Account, Hold, UsageRecord
from billing.operations import Grant
from billing.selectors import balance_of
from console.web import CorkedProtocol
from inference.gateway.app import GatewayApp
from inference.services import model_enable
from models_registry.documents import registry_parse
from models_registry.models import Model
from models_registry.services import enabling_claim, enabling_finish, enabling_request, registry_apply

YUAN = 10**9
QUESTION = [{"role": "user", "content": "你好 world"}]  # the simulator counts 4 tokens, our estimate is 10
CHAT = "/v1/chat/completions"
TOKENS_PRICE = {"input": "2", "output": "8"}
serial = count(1)


class Server:
    """An ASGI app under uvicorn, in a thread, on a free port."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(app, port=0, lifespan="on", http=CorkedProtocol, log_level="critical", access_log=False)
        config.timeout_graceful_shutdown = 3
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.run, name="gateway-under-test", daemon=True)

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.server.serve())

    def __enter__(self) -> str:
        self.thread.start()
        wait_until(lambda: self.server.started or not self.thread.is_alive(), 10)
        assert self.server.started, "the server did not start"
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


class OwnPlane:
    """A data plane of its own, started with the settings of this moment."""

    def __init__(self) -> None:
        self.gateway_app = GatewayApp()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self.gateway_app(scope, receive, send)
            return
        await receive()
        await self.gateway_app.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.gateway_app.stop()
        await send({"type": "lifespan.shutdown.complete"})


def wait_until(condition: Any, seconds: float = 3.0, every_s: float = 0.002) -> Any:
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(every_s)
    return found


@dataclass
class Caller:
    """A workspace with a key and money, and the calls it makes."""

    desk: "Desk"
    user: User
    workspace: Workspace
    key: ApiKey
    issued: str

    @property
    def secret(self) -> str:
        """The key, once the gateway knows it."""
        if self.desk.is_behind:
            self.desk.settle_snapshot()
        return self.issued

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.desk.http.post(path, json=body, headers=sent)

    def get(self, path: str) -> httpx.Response:
        return self.desk.http.get(path, headers=self.headers)

    def chat(self, model: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        return self.desk.http.post(
            CHAT, json={"model": model, "messages": QUESTION, **fields}, headers={**self.headers, **(headers or {})}
        )

    def stream(self, model: str, **fields: Any) -> "Events":
        return Events(self.chat(model, stream=True, **fields))

    # --- the books -----------------------------------------------------------------------------
    def record(self, request_id: str | None = None, seconds: float = 3.0) -> UsageRecord:
        """The one usage record of this workspace, or that of a request, once it is booked."""
        rows = UsageRecord.objects.filter(workspace=self.workspace)
        if request_id:
            rows = rows.filter(pk=request_id)
        return wait_until(lambda: rows.order_by("-settled_at").first(), seconds)

    def records(self) -> int:
        return UsageRecord.objects.filter(workspace=self.workspace).count()

    @property
    def holds(self) -> int:
        return Hold.objects.filter(workspace=self.workspace).count()

    def holds_nothing(self, seconds: float = 3.0) -> None:
        wait_until(lambda: not self.holds, seconds)
        assert balance_of(workspace=self.workspace).held_nano == 0

    @property
    def balance_nano(self) -> int:
        return balance_of(workspace=self.workspace).available_nano


class Events:
    """An event stream that was read to its end."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.raw = response.content
        self.lines = [line for line in self.raw.decode("utf-8", "replace").splitlines() if line]
        self.data = [line.removeprefix("data:").strip() for line in self.lines if line.startswith("data:")]
        self.comments = [line.removeprefix(":").strip() for line in self.lines if line.startswith(":")]

    @property
    def is_done(self) -> bool:
        return self.lines[-1] == "data: [DONE]"

    @property
    def json(self) -> list[Any]:
        return [json.loads(data) for data in self.data if data != "[DONE]"]

    @property
    def text(self) -> str:
        deltas = [choice.get("delta", {}) for event in self.json for choice in event.get("choices", [])]
        return "".join(delta.get("content") or "" for delta in deltas)

    @property
    def error(self) -> dict[str, Any] | None:
        return self.json[-1].get("error") if self.json else None

    @property
    def money(self) -> tuple[str, str]:
        """Cost and balance of the comment before the end."""
        cost, balance = self.comments[-1].split()
        return cost.removeprefix("cost="), balance.removeprefix("balance=")


@dataclass
class Desk:
    """Registers models at the simulator and makes callers."""

    url: str
    simulator: Any
    planes: list[Any] = field(default_factory=list)  # each to have seen a change before a test goes on
    is_behind: bool = False

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.url, timeout=15, trust_env=False)

    # --- models --------------------------------------------------------------------------------
    def model(
        self,
        upstream: str | list[Any] = "chat",
        *,
        kind: str = "llm",
        name: str = "",
        price: dict[str, Any] | None = None,
        vendor: str = "openai_compatible",
        probe: bool = False,
        enable: bool = True,
        path: str = "/v1",
        **fields: Any,
    ) -> str:
        """Registers a model by the document that `registry_apply` reads; the served name.

        `upstream` is the upstream's name with the simulator's switches, or a list of names or endpoint documents.
        """
        name = name or f"m{next(serial)}-{kind}"
        wanted = upstream if isinstance(upstream, list) else [upstream]
        base = {"vendor": vendor, "inference_url": f"{self.simulator.url}{path}"}
        endpoints = [{**base, **(one if isinstance(one, dict) else {"model": one})} for one in wanted]
        document = {"name": name, "kind": kind, "price": price or TOKENS_PRICE, "endpoints": endpoints, **fields}
        models = self.models([document], enable=enable and not probe)
        if enable and probe:
            assert model_enable(model=models[0], actor="tests") == ""
            self.settle_snapshot()
        return name

    def models(self, documents: list[dict[str, Any]], *, enable: bool = True) -> list[Model]:
        """Many at once, which is far quicker than one after the other."""
        with transaction.atomic():
            models = registry_apply(document=registry_parse(json.dumps({"models": documents})), actor="tests")
            for model in models if enable else []:
                self.enable(model)
        self.settle_snapshot()
        return models

    def enable(self, model: Model) -> None:
        """As if a probe had answered: most upstreams of these tests answer none."""
        enabling_request(model=model, actor="tests")
        enabling_claim(model_id=model.pk)
        enabling_finish(model_id=model.pk, answered=True, reason="")

    def settle_snapshot(self) -> None:
        self.is_behind = False
        revision = revision_current()
        for plane in self.planes:
            keeper = plane.gateway.keeper
            wait_until(lambda keeper=keeper: keeper.current.revision >= revision, 1.0)

    # --- callers -------------------------------------------------------------------------------
    def caller(self, yuan: str | int = 1000) -> Caller:
        """A user without a password (hashing one takes longer than a test), a key and so much paid credit."""
        with transaction.atomic():
            self.is_behind = True  # waited for with the first call: most tests make a model in between
            return self.caller_make(yuan)

    def caller_make(self, yuan: str | int) -> Caller:
        user = User.objects.create(username=f"caller-{next(serial)}")
        workspace = workspace_create(owner=user)
        for kind in ("trial", "paid"):
            Account.objects.create(workspace=workspace, kind=kind)
        nano = round(float(yuan) * YUAN)
        if nano:
            book([Grant(f"test/{workspace.pk}", workspace.pk, "paid", nano, "a test")], writer_id=console_writer_id())
        issued = api_key_create(user=user, workspace=workspace, name="test", scope="inference")
        return Caller(self, user, workspace, issued.key, issued.secret)

    # --- what the upstream saw -----------------------------------------------------------------
    def asked(self, model: str) -> list[Any]:
        """The simulator's records of calls to this upstream name."""
        return [one for one in self.simulator.requests if isinstance(one.json, dict) and one.json.get("model") == model]


@contextmanager
def raw_call(url: str, head: str, body: bytes = b"") -> Iterator[socket.socket]:
    """A call written by hand; the connection is closed at the end."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n" + body)
        yield connection


def chat_by_hand(url: str, secret: str, model: str, **fields: Any) -> Any:
    body = json.dumps({"model": model, "messages": QUESTION, **fields}).encode()
    head = f"POST {CHAT} HTTP/1.1\nHost: test\nAuthorization: Bearer {secret}\nContent-Length: {len(body)}\n"
    return raw_call(url, head, body)
