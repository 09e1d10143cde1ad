"""联通元景: OpenAI's shape for chat and embeddings, shapes of its own for rerank and OCR."""

import secrets
from dataclasses import dataclass
from typing import Any

import orjson

from models_registry.vendors.base import (
    DialectError,
    Json,
    KindSpec,
    Outgoing,
    Reply,
    Target,
    Text,
    UsageSeen,
    Vendor,
)
from models_registry.vendors.chat_parameters import (
    FREQUENCY_PENALTY,
    MAX_TOKENS,
    PRESENCE_PENALTY,
    STOP,
    TEMPERATURE,
    TOP_P,
)
from models_registry.vendors.openai_shape import (
    ChatDialect,
    EmbeddingDialect,
    document_text,
    json_outgoing,
    rerank_reply,
)
from models_registry.vendors.probe_image import PROBE_PNG
from models_registry.vendors.wire import json_object, snippet, url_join

CHAT_URL = "https://maas.ai-yuanjing.com/openapi/compatible-mode/v1"
ADDS_CHAT = Text("平台补上 /chat/completions。", "/chat/completions is added.")
ADDS_EMBEDDINGS = Text("平台补上 /embeddings。", "/embeddings is added.")
API_URL = "https://maas-api.ai-yuanjing.com/openapi"


@dataclass(frozen=True, slots=True)
class YuanjingRerank:
    """`{query, texts}` is answered by a bare array of `{index, score, document}`, without usage."""

    streams: bool = False

    def url(self, inference_url: str, operation: str) -> str:
        return url_join(inference_url, "/rerank")

    def build(self, request: Json, target: Target) -> Outgoing:
        texts = [document_text(document) for document in request["documents"]]
        body: Json = {"query": request["query"], "texts": texts}
        if target.upstream_model:
            body["model"] = target.upstream_model
        return json_outgoing(body, target)

    def parse(self, body: bytes, request: Json, content_type: str) -> Reply:
        if body.lstrip()[:1] != b"[":
            raise DialectError(f"the reply is no array: {json_object(body)}")
        try:
            rows = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise DialectError(f"the reply is not JSON: {snippet(body)}") from error
        return rerank_reply(rows, {}, request, score="score")

    def probe(self) -> Json:
        return {"query": "你好", "documents": ["你好", "再见"]}


@dataclass(frozen=True, slots=True)
class YuanjingOcr:
    """Multipart `file` in; `{code, message, data: [{page_num[], type, text, length}], time_cost}` out.

    The vendor's document prints an embedding reply in this place (a slip); the shape above is what its
    public clients read. An unknown shape is handed on under `raw` rather than refused.
    """

    streams: bool = False

    def url(self, inference_url: str, operation: str) -> str:
        return url_join(inference_url, "/unicom-ocr")

    def build(self, request: Json, target: Target) -> Outgoing:
        boundary = secrets.token_hex(16)
        name = request.get("filename") or "image"
        quoted = name.replace("\\", "_").replace('"', "_").replace("\r", "_").replace("\n", "_")
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
            f"Content-Type: {request['content_type']}\r\n\r\n"
        )
        body = head.encode() + request["file"] + f"\r\n--{boundary}--\r\n".encode()
        return Outgoing({"Content-Type": f"multipart/form-data; boundary={boundary}", **target.headers}, body)

    def parse(self, body: bytes, request: Json, content_type: str) -> Reply:
        data = json_object(body)
        rows = data.get("data")
        if data.get("code") not in (None, 0, 200, "0", "200"):
            raise DialectError(str(data.get("message") or data["code"]))
        known = isinstance(rows, list) and all(isinstance(row, dict) and "text" in row for row in rows)
        pages = ocr_pages(rows if known and isinstance(rows, list) else [])
        reply: Json = {"pages": pages, "text": "\n".join(page["text"] for page in pages), "raw": data}
        return Reply(reply, UsageSeen(pages=max(len(pages), 1)))

    def probe(self) -> Json:
        return {"file": PROBE_PNG, "filename": "probe.png", "content_type": "image/png"}


def ocr_pages(rows: list[Json]) -> list[Json]:
    """The rows by their distinct page numbers, in order; a row without one is on the first page."""
    by_page: dict[int, list[Json]] = {}
    for row in rows:
        by_page.setdefault(page_number(row.get("page_num")), []).append(ocr_line(row))
    return [
        {"index": index, "text": "\n".join(line["text"] for line in lines), "lines": lines}
        for index, (_, lines) in enumerate(sorted(by_page.items()))
    ]


def page_number(value: Any) -> int:
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, int) else 1


def ocr_line(row: Json) -> Json:
    line: Json = {"text": str(row["text"])}
    for name in ("box", "confidence"):
        if row.get(name) is not None:
            line[name] = row[name]
    return line


PARAMETERS = (TEMPERATURE, TOP_P, MAX_TOKENS, PRESENCE_PENALTY, FREQUENCY_PENALTY, STOP)

VENDOR = Vendor(
    slug="yuanjing",
    label_zh="联通元景",
    label_en="China Unicom Yuanjing",
    mark="元",
    order=10,
    kinds={
        "llm": KindSpec(ChatDialect(), CHAT_URL, "deepseek-r1", ADDS_CHAT, parameters=PARAMETERS),
        "embedding": KindSpec(
            EmbeddingDialect(),
            f"{API_URL}/compatible-mode/v1",
            "qwen3-embed-0.6b",
            ADDS_EMBEDDINGS,
        ),
        "rerank": KindSpec(
            YuanjingRerank(),
            f"{API_URL}/bge/v1",
            "bge",
            Text(
                "平台补上 /rerank。请求为 {query, texts}，分数是未归一化的原值，不返回用量。",
                "/rerank is added. Asked as {query, texts}; scores are raw, and no usage is returned.",
            ),
            names_model=False,
        ),
        "ocr": KindSpec(
            YuanjingOcr(),
            f"{API_URL}/v1",
            "unicom-ocr",
            Text(
                "平台补上 /unicom-ocr，图片以表单上传，按返回的页数计费。",
                "/unicom-ocr is added. Pictures are uploaded as a form; the pages of the reply are billed.",
            ),
            names_model=False,
        ),
    },
    help=Text(
        "LLM 在 maas.ai-yuanjing.com，其余在 maas-api.ai-yuanjing.com。deepseek-r1 的思考过程写在正文的 <think> 里。",
        "LLM at maas.ai-yuanjing.com, all else at maas-api.ai-yuanjing.com. deepseek-r1 thinks inside <think> in the"
        " content.",
    ),
)
