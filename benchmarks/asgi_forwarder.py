"""A bare forwarder on the server the product itself uses: uvicorn, uvloop, aiohttp. Run with UPSTREAM set."""

import os
from typing import Any

import aiohttp

session: aiohttp.ClientSession | None = None


async def app(scope: Any, receive: Any, send: Any) -> None:
    global session
    if session is None:
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    body = (await receive())["body"]
    headers = {"Content-Type": "application/json"}
    async with session.post(os.environ["UPSTREAM"] + scope["path"], data=body, headers=headers) as upstream:
        kind = upstream.headers["Content-Type"].encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        async for chunk in upstream.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
