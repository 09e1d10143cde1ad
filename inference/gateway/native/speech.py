"""One caller of DashScope's paths: what was asked in its language, and what is answered in it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from billing.pricing import Usage
from inference.gateway.collecting import Collector
from inference.gateway.errors import GatewayError
from inference.gateway.native import bodies, words
from models_registry.vendors.base import Json, Reply
from models_registry.vendors.openai_shape import choice_text


class Form(NamedTuple):
    """One of DashScope's paths: our operation, and how its bodies are read."""

    operation: str
    canonical: Callable[[Json], Json]
    as_parts: bool = False  # content is a list of parts


MULTIMODAL = Form("chat", bodies.generation, as_parts=True)
SERVICES = "/api/v1/services/"
FORMS: Mapping[str, Form] = {
    f"{SERVICES}aigc/text-generation/generation": Form("chat", bodies.generation),
    f"{SERVICES}aigc/multimodal-generation/generation": MULTIMODAL,
    f"{SERVICES}embeddings/text-embedding/text-embedding": Form("embeddings", bodies.embedding),
    f"{SERVICES}rerank/text-rerank/text-rerank": Form("rerank", bodies.rerank),
}


class Speech:
    """Reads the caller's body, then tells the answer: whole by `reply`, or streamed.

    A stream's events are taken in one after the other and told together by `flush`, so that what arrived at once
    leaves as one event. `end` tells the last one, which alone says why each choice ended and what is billed.
    """

    __slots__ = ("as_text", "collector", "endings", "form", "is_incremental", "is_new", "number", "request_id", "told")

    def __init__(self, form: Form, request_id: str) -> None:
        self.form = form
        self.request_id = request_id
        self.as_text = self.is_incremental = self.is_new = False
        self.collector = Collector()
        self.endings: dict[int, str] = {}  # why each choice that was seen ended
        self.told: Any = None  # the upstream's usage
        self.number = 0  # of the last event

    def canonical(self, body: Json, *, is_streamed: bool) -> Json:
        """Raises BadRequest."""
        request = self.form.canonical(body)
        if self.form.operation == "chat":
            parameters = words.mapping(body.get("parameters"))
            self.is_incremental = parameters.get("incremental_output") is True
            self.as_text = not self.form.as_parts and fits_text(parameters)
            request["stream"] = is_streamed
        return request

    # --- whole ---------------------------------------------------------------------------------
    def reply(self, reply: Reply, usage: Usage) -> bytes:
        match self.form.operation:
            case "embeddings":
                return self.answer(words.embedding_output(reply.data), words.input_usage(usage))
            case "rerank":
                return self.answer(words.rerank_output(reply.data), words.input_usage(usage))
            case _:
                counted = words.generation_usage(usage, reply.data.get("usage"))
                return self.answer(self.output(reply.data["choices"]), counted)

    def error(self, error: GatewayError) -> bytes:
        return words.error_body(error, self.request_id)

    def output(self, choices: list[Any]) -> Json:
        return words.generation_output(choices, as_text=self.as_text, as_parts=self.form.as_parts)

    def answer(self, output: Json, usage: Json | None = None) -> bytes:
        body = {"output": output, "request_id": self.request_id}
        return orjson.dumps(body if usage is None else {**body, "usage": usage})

    # --- streamed ------------------------------------------------------------------------------
    def absorb(self, chunk: Json) -> None:
        """Takes in a canonical event."""
        self.collector.read(chunk)
        self.told = self.collector.usage or self.told
        choices = chunk.get("choices")
        self.is_new = self.is_new or any(map(choice_text, choices if isinstance(choices, list) else []))

    def flush(self) -> bytes:
        """What was taken in since the last event, or from the beginning, as one event; b"" where that is nothing."""
        if not self.is_new:
            return b""
        choices = self.collected()
        data = self.answer(self.output([{**choice, "finish_reason": words.UNFINISHED} for choice in choices]))
        self.is_new = False
        if self.is_incremental:
            self.collector = Collector()
        return self.event(data)

    def end(self, usage: Usage) -> bytes:
        """What is left to say, why each choice ended, and the usage."""
        left = {choice["index"]: choice for choice in self.collected()}
        choices = [
            {**left.get(index, {"index": index}), "finish_reason": self.endings[index]}
            for index in sorted(self.endings)
        ]
        return self.event(self.answer(self.output(choices), words.generation_usage(usage, self.told)))

    def end_with(self, error: GatewayError) -> bytes:
        return self.event(self.error(error), error)

    def event(self, data: bytes, error: GatewayError | None = None) -> bytes:
        self.number += 1
        return words.event(self.number, data, error)

    def collected(self) -> list[Json]:
        choices: list[Json] = self.collector.reply()["choices"]
        for choice in choices:
            self.endings[choice["index"]] = choice["finish_reason"] or self.endings.get(choice["index"], "stop")
        return choices


class GuestSpeech(Speech):
    """A body with `input` on chat/completions: answered in kind, but errors are those of the path."""

    __slots__ = ()

    def __init__(self, request_id: str) -> None:
        super().__init__(MULTIMODAL, request_id)

    def canonical(self, body: Json, *, is_streamed: bool) -> Json:
        return super().canonical(bodies.beside(body), is_streamed=False)

    def error(self, error: GatewayError) -> bytes:
        return orjson.dumps(error.body(self.request_id))


def fits_text(parameters: Json) -> bool:
    """One text cannot hold several choices, nor calls of tools: these are told as messages, whatever was asked."""
    is_message = parameters.get("result_format") == "message"
    return not (is_message or parameters.get("tools")) and parameters.get("n") in (None, 1)
