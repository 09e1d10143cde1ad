"""The switch between the two planes: the gateway takes the data plane, Django everything else."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

from django.core.asgi import get_asgi_application

django_app = get_asgi_application()

from billing.clerk_process import startup_freeze  # noqa: E402
from console.planes import gateway_app  # noqa: E402 - Django's apps have to be loaded first
from inference.gateway.app import is_data_plane  # noqa: E402
from inference.playground.runs import runs_end  # noqa: E402
from inference.playground.tryouts import tryouts_end  # noqa: E402

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def application(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http" and is_data_plane(scope):
        await gateway_app(scope, receive, send)
    elif scope["type"] == "http":
        await django_app(scope, receive, send)  # type: ignore[arg-type]  # asgiref's types are TypedDicts


async def lifespan(receive: Receive, send: Send) -> None:
    """A gateway that cannot start says so and keeps the server from listening."""
    await receive()
    try:
        await gateway_app.start()
    except Exception as error:
        await send({"type": "lifespan.startup.failed", "message": f"the gateway could not start: {error}"})
        return
    startup_freeze()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await runs_end()
    await tryouts_end()
    await gateway_app.stop()
    await send({"type": "lifespan.shutdown.complete"})
