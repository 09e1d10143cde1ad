"""通义千问: OpenAI's shape for chat and embeddings on its compatible path, DashScope's own for rerank."""

from dataclasses import dataclass

from models_registry.vendors.base import DialectError, Json, KindSpec, Outgoing, Reply, Target, Text, Vendor
from models_registry.vendors.chat_parameters import QWEN_PARAMETERS
from models_registry.vendors.openai_shape import (
    ChatDialect,
    EmbeddingDialect,
    document_text,
    json_outgoing,
    rerank_reply,
)
from models_registry.vendors.wire import json_object, url_join

HOST = "https://dashscope.aliyuncs.com"
COMPATIBLE_URL = f"{HOST}/compatible-mode/v1"
RERANK_PATH = "/services/rerank/text-rerank/text-rerank"
INPUTS_MAX = 10  # of one embedding call


@dataclass(frozen=True, slots=True)
class DashscopeRerank:
    """`input` and `parameters` in, `output.results` out; usage has `total_tokens` alone."""

    streams: bool = False

    def url(self, inference_url: str, operation: str) -> str:
        return url_join(inference_url, RERANK_PATH)

    def build(self, request: Json, target: Target) -> Outgoing:
        documents = [document_text(document) for document in request["documents"]]
        parameters = {name: request[name] for name in ("top_n", "return_documents") if name in request}
        body: Json = {
            "model": target.upstream_model,
            "input": {"query": request["query"], "documents": documents},
            "parameters": parameters,
        }
        return json_outgoing(body, target)

    def parse(self, body: bytes, request: Json, content_type: str) -> Reply:
        data = json_object(body)
        output = data.get("output")
        if not isinstance(output, dict):
            raise DialectError(f"the reply has no output: {str(data)[:200]}")
        return rerank_reply(output.get("results"), data, request, score="relevance_score")

    def probe(self) -> Json:
        return {"query": "你好", "documents": ["你好", "再见"]}


VENDOR = Vendor(
    slug="dashscope",
    label_zh="通义千问",
    label_en="Alibaba DashScope",
    mark="通",
    order=20,
    kinds={
        "llm": KindSpec(
            ChatDialect(),
            COMPATIBLE_URL,
            "qwen-flash",
            Text(
                "平台补上 /chat/completions。enable_thinking、enable_search 原样传给上游。",
                "/chat/completions is added. enable_thinking and enable_search are passed on.",
            ),
            parameters=QWEN_PARAMETERS,
        ),
        "embedding": KindSpec(
            EmbeddingDialect(),
            COMPATIBLE_URL,
            "text-embedding-v4",
            Text(
                f"平台补上 /embeddings。一次最多 {INPUTS_MAX} 条，更多的由平台分批，顺序不变，合成一笔账。",
                f"/embeddings is added. At most {INPUTS_MAX} inputs a call; more are split, in order, on one bill.",
            ),
            inputs_max=INPUTS_MAX,
        ),
        "rerank": KindSpec(
            DashscopeRerank(),
            f"{HOST}/api/v1",
            "gte-rerank",
            Text(
                f"平台补上 {RERANK_PATH}。",
                f"{RERANK_PATH} is added.",
            ),
        ),
    },
    parameter_profiles=("qwen",),
    docs_url="https://help.aliyun.com/zh/model-studio/",
    help=Text(
        "LLM 与 Embedding 走兼容地址 /compatible-mode/v1，Rerank 走原生地址 /api/v1。思考过程在 reasoning_content 里。",
        "LLM and embedding use /compatible-mode/v1, rerank the native /api/v1. Thinking comes in reasoning_content.",
    ),
)
