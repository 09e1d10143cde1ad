"""What every caller of the relay inside this process has in common: a body to send once, and the freedom to leave."""

import asyncio

from inference.gateway.exchange import Message


class Asking:
    """The receiving half of ASGI, as a caller's socket would be."""

    def __init__(self, body: bytes = b"") -> None:
        self.body = body
        self.left = asyncio.Event()
        self.was_read = False

    def leave(self) -> None:
        """The reader is gone, or wants it to end. Harmless after the end."""
        self.left.set()

    async def receive(self) -> Message:
        if not self.was_read:
            self.was_read = True
            body, self.body = self.body, b""  # many megabytes, where pictures are in it, and an answer takes minutes
            return {"type": "http.request", "body": body, "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}
