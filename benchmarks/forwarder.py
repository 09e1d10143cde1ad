"""A bare forwarder, aiohttp on both sides: no keys, prices or ledger. `python -m benchmarks.forwarder PORT UPSTREAM`"""

import logging
import sys

import aiohttp
import uvloop
from aiohttp import web


async def forward(request: web.Request) -> web.StreamResponse:
    session: aiohttp.ClientSession = request.app["session"]
    headers = {"Content-Type": "application/json"}
    async with session.post(sys.argv[2] + request.path, data=await request.read(), headers=headers) as upstream:
        if upstream.content_type == "application/json":
            return web.Response(body=await upstream.read(), content_type=upstream.content_type)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for chunk in upstream.content.iter_any():
            await response.write(chunk)
        return response


async def make() -> web.Application:
    app = web.Application()
    app["session"] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    app.on_cleanup.append(lambda app: app["session"].close())
    app.router.add_post("/{path:.*}", forward)
    return app


if __name__ == "__main__":
    logging.disable()  # clients that leave when their time is up are no news
    uvloop.install()
    web.run_app(make(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
