"""One call for one form, of a kind beside chat. The row is its claim; what it cost is read from its usage record."""

import asyncio
import hashlib
import logging
from typing import NamedTuple

import httpx
import orjson
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.selectors import workspace_personal
from billing.models import UsageRecord
from inference.gateway.app import HANDLERS
from inference.gateway.dialogue import parse_event
from inference.gateway.exchange import Exchange, Message
from inference.gateway.instance import gateway_app
from inference.gateway.routes import Principal
from inference.models import Tryout
from inference.playground.asking import Asking
from inference.playground.findings import UnreadableReply
from inference.playground.kinds import TRIED
from inference.playground.threads import in_thread
from inference.playground.tryout_forms import Picture
from models_registry.vendors.base import Json

log = logging.getLogger(__name__)

DRAIN_S = 10.0
MADE = ("request_id", "prompt_tokens", "cost_nano", "duration_ms", "state", "found", "error_code", "error_message")

making: dict["asyncio.Task[None]", "WholeCall"] = {}


class Claimed(NamedTuple):
    """`is_new`: the call is this process's to make."""

    tryout: Tryout
    is_new: bool


def tryout_claim(*, user: User, kind: str, page_key: str, body: Json) -> Claimed:
    """One row for one form, however often it arrives."""
    said = orjson.dumps([user.pk, kind, page_key, body])
    key = hashlib.sha256(said).hexdigest()
    if tryout := Tryout.objects.filter(key=key).first():
        return Claimed(tryout, is_new=False)
    try:
        with transaction.atomic():
            made = Tryout.objects.create(user=user, kind=kind, model=body["model"], key=key, body=body)
        return Claimed(made, is_new=True)
    except IntegrityError:  # the same form, at the same moment
        return Claimed(Tryout.objects.get(key=key), is_new=False)


def tryout_delete(*, tryout: Tryout) -> None:
    """What runs goes on to its end; what it cost stays booked."""
    tryout.delete()


async def tryout_make(tryout: Tryout, picture: Picture | None) -> None:
    """Calls and keeps. Who asked may leave: the call goes on to its end and is found in its row."""
    call = WholeCall(tryout, encoded(tryout.body, picture))
    task = asyncio.get_running_loop().create_task(call.work())
    making[task] = call
    task.add_done_callback(making.pop)
    await asyncio.shield(task)


async def tryouts_end() -> None:
    """The server stops: what still runs leaves the gateway and is settled before the clerk goes."""
    tasks = list(making)
    for call in making.values():
        call.leave()
    if tasks:
        await asyncio.wait(tasks, timeout=DRAIN_S)


class Content(NamedTuple):
    content_type: str
    body: bytes


def encoded(body: Json, picture: Picture | None) -> Content:
    """JSON, or with a picture the form that the API takes."""
    if picture is None:
        return Content("application/json", orjson.dumps(body))
    files = {"file": (f"page.{picture.extension}", picture.content)}
    form = httpx.Request("POST", "http://gateway", data={"model": body["model"]}, files=files)
    return Content(form.headers["content-type"], form.read())


class WholeCall(Asking):
    """The relay's caller inside this process: a body in, a whole reply out."""

    def __init__(self, tryout: Tryout, content: Content) -> None:
        super().__init__(content.body)
        kind = TRIED[tryout.kind]
        self.tryout, self.operation = tryout, kind.operation
        headers = [(b"content-type", content.content_type.encode())]
        scope = {"type": "http", "method": "POST", "path": f"/v1{kind.path}", "headers": headers}
        self.exchange = Exchange(scope, self.receive, self.send)
        self.status = 0
        self.reply = b""

    async def work(self) -> None:
        """The same way as a call with a key; the user was signed in by whoever made this call."""
        try:
            workspace = await in_thread(workspace_personal, user=self.tryout.user)
            self.exchange.principal = Principal(None, workspace.pk)
            await gateway_app.handle(self.exchange, self.operation, HANDLERS[self.operation])
            await in_thread(
                tryout_finish,
                tryout=self.tryout,
                request_id=self.exchange.request_id,
                status=self.status,
                reply=self.reply,
            )
        except Exception:
            log.exception("the call of tryout %s failed", self.tryout.pk)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.reply += message.get("body", b"")


def tryout_finish(*, tryout: Tryout, request_id: str, status: int, reply: bytes) -> None:
    """The end, as the ledger has it. A status of 0: nobody waited for the reply."""
    tryout.request_id = request_id
    if record := UsageRecord.objects.filter(pk=request_id).first():
        tryout.prompt_tokens = record.prompt_tokens
        tryout.cost_nano, tryout.duration_ms = record.charged_nano, record.duration_ms
    said = parse_event(reply) or {}
    error = said.get("error")
    if status == 200:
        tryout.state = Tryout.State.DONE
        try:
            tryout.found = TRIED[tryout.kind].find(tryout.body, said)
        except UnreadableReply:
            error = {"code": "unreadable_reply"}
    elif not isinstance(error, dict):
        error = {"code": "internal_error" if status else "interrupted"}
    if isinstance(error, dict):
        tryout.state = Tryout.State.FAILED
        tryout.error_code = str(error.get("code", ""))
        tryout.error_message = str(error.get("message", ""))
    made = {name: getattr(tryout, name) for name in MADE}
    Tryout.objects.filter(pk=tryout.pk).update(**made)  # no row where it was deleted meanwhile
