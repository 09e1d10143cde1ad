"""The caller's body as a checked canonical request: JSON, or multipart for pictures."""

import asyncio
import mimetypes
import time
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from inference.gateway.errors import BadRequest
from inference.gateway.exchange import Exchange
from inference.gateway.native.speech import GuestSpeech
from inference.gateway.requests import Operation, check_model, decode_data_url, known_type, mistyped, parse_json
from inference.gateway.watch import Watch
from inference.pictures import TOTAL_S, PictureError, picture_fetch
from models_registry.vendors.base import Json

FORM_FIELDS_MAX = 20
FILE_FIELDS = ("file", "filename", "content_type")  # set by us alone
# Threads of their own: slow picture servers must not keep the others from resolving names.
PICTURE_THREADS = ThreadPoolExecutor(max_workers=16, thread_name_prefix="picture")
WORKSPACE_FETCHES_MAX = 4  # at a time, in this process: nobody takes all the threads
FETCHES: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()  # by workspace; gone when nobody waits


class PictureUrl(bytes):
    """Under `file`, it stands for a picture yet to be fetched. No caller's JSON or form can hold one."""


async def read_request(exchange: Exchange, operation: Operation, body_bytes_max: int) -> Json:
    """Raises GatewayError: request_too_large, or invalid_request_error naming what is wrong."""
    encoding = (exchange.header(b"content-encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise BadRequest(f"The body is encoded as {encoding[:40]!r}; send it uncompressed.", param="Content-Encoding")
    body = await exchange.body(body_bytes_max)
    content_type = exchange.header(b"content-type") or ""
    if operation.name in {"ocr", "estimate"} and content_type.startswith("multipart/form-data"):
        request = read_form(content_type, body)
    else:
        request = parse_json(body)
        if operation.name == "ocr":
            take_image(request)
        elif exchange.speech is not None or "input" in request:
            request = canonical(exchange, operation, request)
    check_model(request)
    operation.check(request)
    return request


def canonical(exchange: Exchange, operation: Operation, request: Json) -> Json:
    """A body in DashScope's language, on its own paths or by its `input` on chat/completions; any other as it is."""
    if exchange.speech is None:
        if operation.name != "chat" or "messages" in request or not isinstance(request["input"], dict):
            return request
        exchange.speech = GuestSpeech(exchange.request_id)
    if is_enabled(exchange, b"x-dashscope-async"):
        raise BadRequest("Asynchronous tasks are not taken; leave X-DashScope-Async out.", param="X-DashScope-Async")
    is_streamed = is_enabled(exchange, b"x-dashscope-sse")
    return exchange.speech.canonical(request, is_streamed=is_streamed)


def is_enabled(exchange: Exchange, header: bytes) -> bool:
    return (exchange.header(header) or "").strip().lower() == "enable"


def read_form(content_type: str, body: bytes) -> Json:
    """`model` and `file` of a multipart body, kept in memory: the body's size was limited before."""
    request: Json = {}
    parts = 0

    def count() -> None:
        nonlocal parts
        parts += 1
        if parts > FORM_FIELDS_MAX:
            raise BadRequest(f"The multipart body has more than {FORM_FIELDS_MAX} parts.")

    def on_field(field: Field) -> None:
        count()
        name = (field.field_name or b"").decode("utf-8", "replace")
        if name not in FILE_FIELDS:
            request[name] = (field.value or b"").decode("utf-8", "replace")

    def on_file(file: File) -> None:
        count()
        if (file.field_name or b"") == b"file":
            file.file_object.seek(0)
            name = (file.file_name or b"image").decode("utf-8", "replace")
            request["file"] = file.file_object.read()
            request["filename"] = name
            request["content_type"] = known_type(mimetypes.guess_type(name)[0] or "")
        file.close()

    try:
        parser = create_form_parser(
            {"Content-Type": content_type.encode()},
            on_field,
            on_file,
            config={"MAX_MEMORY_FILE_SIZE": len(body) + 1},
        )
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise BadRequest(f"The multipart body cannot be read: {error}.") from error
    return request


def take_image(request: Json) -> None:
    """Puts the picture of `image` under `file`; that of a URL is fetched once its call is paid for."""
    for name in FILE_FIELDS:
        request.pop(name, None)
    image = request.get("image")
    if image is None:
        return
    if not isinstance(image, str):
        raise mistyped("image", "a data URL or http(s) URL", image)
    if image.startswith("data:"):
        set_file(request, *decode_data_url(image))
    elif image.startswith(("http://", "https://")):
        request["file"] = PictureUrl(image.encode())
    else:
        raise BadRequest("'image' must be a data URL or an http(s) URL.", param="image")


def set_file(request: Json, picture: bytes, content_type: str) -> None:
    extension = mimetypes.guess_extension(content_type) or ""
    request.update(file=picture, content_type=content_type, filename=f"image{extension}")


async def fetch_image(request: Json, watch: Watch, workspace_id: int, size_max: int) -> None:
    """Replaces a PictureUrl by its picture. Raises BadRequest naming `image`, and Interrupted."""
    url = request.get("file")
    if not isinstance(url, PictureUrl):
        return
    try:
        with watch:
            async with asyncio.timeout(TOTAL_S):
                picture, content_type = await fetch(url.decode(), workspace_id, size_max)
    except (PictureError, TimeoutError) as error:
        words = str(error) or "could not be fetched"
        raise BadRequest(f"'image' {words}.", param="image") from error
    if not picture:
        raise BadRequest("'image' is empty.", param="image")
    set_file(request, picture, known_type(content_type))


async def fetch(url: str, workspace_id: int, size_max: int) -> tuple[bytes, str]:
    """Waits for its turn and for the thread. A thread nobody waits for any more keeps its turn till it ends."""
    until = time.monotonic() + TOTAL_S
    turns = FETCHES.setdefault(workspace_id, asyncio.Semaphore(WORKSPACE_FETCHES_MAX))
    await turns.acquire()
    loop = asyncio.get_running_loop()
    fetching = loop.run_in_executor(PICTURE_THREADS, picture_fetch, url, size_max, until)

    def finished(fetched: asyncio.Future[tuple[bytes, str]]) -> None:
        turns.release()
        fetched.exception()  # where nobody waits any more, nobody else looks at it

    fetching.add_done_callback(finished)
    return await asyncio.shield(fetching)
