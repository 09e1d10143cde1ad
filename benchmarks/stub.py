"""An upstream that answers at once: a hand-written protocol, so that it is never what is measured.

`python -m benchmarks.stub PORT`. Chat as JSON, or as 20 chunks each written on its own.
"""

import asyncio
import sys
from typing import cast

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
REPLY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"stub","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"' + b"word " * 20 + b'"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}'
)
JSON_ANSWER = HEAD % b"application/json" + b"Content-Length: %d\r\n\r\n" % len(REPLY) + REPLY
CHUNK = b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"stub","choices":[%s]%s}'
DELTA = b'{"index":0,"delta":{"content":"word "},"finish_reason":null}'
LAST = b'{"index":0,"delta":{},"finish_reason":"stop"}'
USAGE = b',"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}'


def framed(data: bytes) -> bytes:
    event = b"data: " + data + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event)


STREAM_HEAD = HEAD % b"text/event-stream" + b"Transfer-Encoding: chunked\r\n\r\n"
EVENTS = [framed(CHUNK % (DELTA, b""))] * 20 + [
    framed(CHUNK % (LAST, b"")),
    framed(CHUNK % (b"", USAGE)),
    framed(b"[DONE]") + b"0\r\n\r\n",
]


class Stub(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(
            "asyncio.Transport", transport
        )  # uvloop sets TCP_NODELAY; without it every request would cost 45 ms more
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (request := self.next_request()) is not None:
            if b'"stream":true' in request or b'"stream": true' in request:
                self.transport.write(STREAM_HEAD)
                for event in EVENTS:
                    self.transport.write(event)
            else:
                self.transport.write(JSON_ANSWER)

    def next_request(self) -> bytes | None:
        head, blank, rest = self.data.partition(b"\r\n\r\n")
        if not blank:
            return None
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(rest) < length:
            return None
        self.data = rest[length:]
        return rest[:length]


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
