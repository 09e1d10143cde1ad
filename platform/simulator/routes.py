"""Which dialect answers which path. The end of the path decides; any prefix will do, but no version said twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.replies import dashscope, ocr, openai, retrieval
from simulator.replies.errors import error_reply, error_with_200, refusal
from simulator.replies.shapes import DONE, Body, Call, RefusedError, Reply, Stream

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    suffix: str
    answer: Callable[[Call], Reply]
    native: bool = False
    streams: bool = False


def _chat(call: Call) -> Reply:
    if "messages" not in call.body and "input" in call.body:
        return dashscope.multimodal_generation(call)
    return openai.chat(call)


NATIVE = "/services"
VERSION_TWICE = re.compile(r"/v\d+/v\d+/")
STREAM_ONLY = "This model only supports stream mode, please enable the stream parameter"

ROUTES = (
    Route("POST", "/chat/completions", _chat, streams=True),
    Route("POST", "/completions", openai.completions, streams=True),
    Route("POST", f"{NATIVE}/aigc/text-generation/generation", dashscope.text_generation, True, True),
    Route("POST", f"{NATIVE}/aigc/multimodal-generation/generation", dashscope.multimodal_generation, True, True),
    Route("POST", f"{NATIVE}/embeddings/text-embedding/text-embedding", retrieval.native_embeddings, True),
    Route("POST", f"{NATIVE}/rerank/text-rerank/text-rerank", retrieval.native_rerank, True),
    Route("POST", "/embeddings", retrieval.embeddings),
    Route("POST", "/rerank", retrieval.rerank),
    Route("POST", "/unicom-ocr", ocr.unicom_ocr),
    Route("GET", "/models", ocr.models),
)


def find(path: str) -> Route | None:
    if VERSION_TWICE.search(path):
        return None
    return next((route for route in ROUTES if path.endswith(route.suffix)), None)


def reply_to(route: Route, call: Call, authorization: str | None) -> Reply:
    """Everything the switches say about *what* is answered; how it is written is another matter."""
    refused = refusal(call, authorization)
    if refused is not None:
        return refused
    if call.switches.stream_only and route.streams and not call.stream:
        return error_reply(call, STREAM_ONLY, 400)
    if call.switches.error200:
        return error_with_200(call)
    if call.switches.empty:
        nothing = _nothing(call)
        if nothing is not None:
            return nothing
    try:
        return route.answer(call)
    except RefusedError as error:
        return error_reply(call, error.message, error.status)


def _nothing(call: Call) -> Reply | None:
    if call.switches.empty == "body" or (call.switches.empty == "eof" and not call.stream):
        return Body(b"")
    if not call.stream:
        return None
    silent = call.switches.empty == "eof" or call.native or call.switches.no_done
    return Stream(() if silent else (DONE,))
