"""联通元景's /openapi/v1/unicom-ocr over RapidOCR: a picture in, one row a recognised line out."""

import asyncio
import time
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from aiohttp import web
from aiohttp.http import HttpProcessingError
from PIL import Image, ImageDraw, ImageOps
from rapidocr import RapidOCR
from rapidocr.utils.output import RapidOCROutput
from rapidocr.utils.process_img import ResizeImgError

from local_models.web import WORKER, RequestRefusedError, create_app, serve

BODY_BYTES_MAX = 20 * 1024 * 1024
PIXELS_MAX = 40_000_000
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")


def engine_params() -> dict[str, object]:
    """RapidOCR's settings. With paths of its own it never looks for a download."""
    return {
        "Global.log_level": "error",
        "Det.model_path": model_path("PP-OCRv6_det_small.onnx"),
        "Cls.model_path": model_path("ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
        "Rec.model_path": model_path("PP-OCRv6_rec_small.onnx"),
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }


def model_path(name: str) -> str:
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("rapidocr is not installed")
    path = Path(spec.origin).parent / "models" / name
    if not path.is_file():
        raise FileNotFoundError(f"this build of rapidocr has no {name}")
    return str(path)


@cache
def load() -> RapidOCR:
    """The engine, once a process. It loads its models at their first use, so it reads a word at once."""
    engine = RapidOCR(params=engine_params())
    picture = Image.new("RGB", (240, 80), "white")
    ImageDraw.Draw(picture).text((20, 20), "ready", fill="black", font_size=36)
    engine(picture)
    return engine


def open_picture(content: bytes) -> Image.Image:
    """The picture upright, in RGB, on white. Its size is looked at before any pixel is decoded."""
    try:
        picture = Image.open(BytesIO(content), formats=FORMATS)
    except Exception as error:  # Pillow's readers raise almost anything on broken headers
        raise RequestRefusedError("the file is not a picture this server reads") from error
    if picture.width * picture.height > PIXELS_MAX:
        raise RequestRefusedError(f"the picture has more than {PIXELS_MAX} pixels")
    try:
        return flatten(ImageOps.exif_transpose(picture))
    except Exception as error:  # and on broken pixels
        raise RequestRefusedError("the picture is damaged") from error


def flatten(picture: Image.Image) -> Image.Image:
    """In RGB; what is transparent becomes white paper."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")


def recognize(content: bytes) -> list[dict[str, object]]:
    try:
        found = load()(open_picture(content))
    except ResizeImgError as error:
        raise RequestRefusedError("the picture is too narrow") from error
    # A picture without text gives any of its result types, or this one with nothing inside.
    if not isinstance(found, RapidOCROutput) or found.txts is None or found.boxes is None:
        return []
    return [
        line_row(text, box, confidence)
        for text, box, confidence in zip(found.txts, found.boxes, found.scores or (), strict=True)
    ]


def line_row(text: str, box: Iterable[Iterable[float]], confidence: float) -> dict[str, object]:
    """One line: `box` is its four corners in pixels, clockwise from the top left."""
    return {
        "page_num": [1],
        "type": "text",
        "text": text,
        "length": len(text),
        "box": [[round(float(value)) for value in corner] for corner in box],
        "confidence": round(float(confidence), 4),
    }


def error_body(status: int, message: str) -> dict[str, object]:
    return {"code": status, "message": message, "data": []}


async def read_file(request: web.Request) -> bytes:
    """The bytes of the form field `file`."""
    if request.content_type != "multipart/form-data":
        raise RequestRefusedError("the body must be multipart/form-data")
    try:
        form = await request.post()
    except (HttpProcessingError, LookupError, RuntimeError, ValueError) as error:
        raise RequestRefusedError("the multipart body is malformed") from error
    field = form.get("file")
    if not isinstance(field, web.FileField):
        raise RequestRefusedError("the form has no file named 'file'")
    return await asyncio.to_thread(field.file.read)


async def unicom_ocr(request: web.Request) -> web.Response:
    content = await read_file(request)
    started = time.perf_counter()
    rows = await request.app[WORKER].call(recognize, content)
    time_cost = round(time.perf_counter() - started, 3)
    return web.json_response({"code": 0, "message": "success", "data": rows, "time_cost": time_cost})


def run(host: str, port: int) -> None:
    app = create_app(load, body_bytes_max=BODY_BYTES_MAX, error_body=error_body)
    app.router.add_post("/openapi/v1/unicom-ocr", unicom_ocr)
    serve(app, host, port)
