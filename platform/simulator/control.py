"""The simulator's own paths: `/_sim/requests` shows what it was asked, `/_sim/down` takes models away,
`/_sim/ca.pem` is the authority of its certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from simulator.state import State

SHOWN_REQUESTS = 200


class Control:
    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_sim/requests", self.show),
            web.delete("/_sim/requests", self.clear),
            web.post("/_sim/down", self.down),
            web.get("/_sim/ca.pem", self.authority),
            web.get("/healthz", self.healthz),
        ]

    async def show(self, _request: web.Request) -> web.Response:
        return _json([recorded.shown() for recorded in self._state.recorder.last(SHOWN_REQUESTS)])

    async def clear(self, _request: web.Request) -> web.Response:
        self._state.recorder.clear()
        return web.Response(status=204)

    async def down(self, request: web.Request) -> web.Response:
        try:
            wish = orjson.loads(await request.read())
            down, models = _outage_wish(wish)
        except (orjson.JSONDecodeError, ValueError):
            return _json({"error": 'expected {"down": true or false, "models": [names]?}'}, 400)
        outage = self._state.outage
        outage.switch(down, models)
        return _json({"down": outage.everything, "models": sorted(outage.models)})

    async def authority(self, _request: web.Request) -> web.Response:
        if not self._state.authority_pem:
            return _json({"error": "this simulator was started without --tls"}, 404)
        return web.Response(text=self._state.authority_pem, content_type="application/x-pem-file")

    async def healthz(self, _request: web.Request) -> web.Response:
        down = self._state.outage.everything
        return _json({"status": "down" if down else "ok"}, 503 if down else 200)


def _outage_wish(wish: Any) -> tuple[bool, list[str] | None]:
    if not isinstance(wish, dict) or not isinstance(wish.get("down"), bool):
        raise ValueError(wish)
    models = wish.get("models")
    if models is not None and not (isinstance(models, list) and all(isinstance(m, str) for m in models)):
        raise ValueError(models)
    return wish["down"], models


def _json(payload: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(payload), status=status, content_type="application/json")
