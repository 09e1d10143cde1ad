"""The caller's body as a checked canonical request: JSON, or multipart for pictures."""

import asyncio
import mimetypes
from concurrent.futures import ThreadPoolExecutor

from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from inference.gateway.errors import BadRequest
from inference.gateway.exchange import Exchange
from inference.gateway.requests import Operation, check_model, decode_data_url, known_type, mistyped, parse_json
from inference.pictures import PictureError, picture_fetch
from models_registry.vendors.base import Json

FORM_FIELDS_MAX = 20
FILE_FIELDS = ("file", "filename", "content_type")  # set by us alone
# Threads of their own: slow picture servers must not keep the others from resolving names.
PICTURE_THREADS = ThreadPoolExecutor(max_workers=16, thread_name_prefix="picture")


async def read_request(exchange: Exchange, operation: Operation, body_bytes_max: int) -> Json:
    """Raises GatewayError: request_too_large, or invalid_request_error naming what is wrong."""
    body = await exchange.body(body_bytes_max)
    content_type = exchange.header(b"content-type") or ""
    if operation.name == "ocr" and content_type.startswith("multipart/form-data"):
        request = read_form(content_type, body)
    else:
        request = parse_json(body)
        if operation.name == "ocr":
            await take_image(request, body_bytes_max)
    check_model(request)
    operation.check(request)
    return request


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


async def take_image(request: Json, size_max: int) -> None:
    """Puts the picture of `image` under `file`. A URL is fetched under the gateway's address policy."""
    for name in FILE_FIELDS:
        request.pop(name, None)
    image = request.get("image")
    if image is None:
        return
    if not isinstance(image, str):
        raise mistyped("image", "a data URL or http(s) URL", image)
    if image.startswith("data:"):
        request["file"], request["content_type"] = decode_data_url(image)
    elif image.startswith(("http://", "https://")):
        try:
            loop = asyncio.get_running_loop()
            fetched = await loop.run_in_executor(PICTURE_THREADS, picture_fetch, image, size_max)
        except PictureError as error:
            raise BadRequest(f"'image' could not be fetched: {error}.", param="image") from error
        request["file"], request["content_type"] = fetched[0], known_type(fetched[1])
    else:
        raise BadRequest("'image' must be a data URL or an http(s) URL.", param="image")
    extension = mimetypes.guess_extension(request["content_type"]) or ""
    request["filename"] = f"image{extension}"
