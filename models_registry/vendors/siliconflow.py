"""硅基流动: OpenAI's shape for chat and embeddings, Jina's for rerank, all under one base URL."""

from models_registry.vendors.base import KindSpec, Text, Vendor
from models_registry.vendors.chat_parameters import (
    ENABLE_THINKING,
    FREQUENCY_PENALTY,
    MAX_TOKENS,
    STOP,
    TEMPERATURE,
    TOP_P,
)
from models_registry.vendors.openai_shape import ChatDialect, EmbeddingDialect, RerankDialect

BASE_URL = "https://api.siliconflow.cn/v1"

VENDOR = Vendor(
    slug="siliconflow",
    label_zh="硅基流动",
    label_en="SiliconFlow",
    mark="硅",
    order=35,
    kinds={
        "llm": KindSpec(
            ChatDialect(),
            BASE_URL,
            "deepseek-ai/DeepSeek-V3",
            Text(
                "平台补上 /chat/completions。enable_thinking 原样传给上游。",
                "/chat/completions is added. enable_thinking is passed on.",
            ),
            parameters=(TEMPERATURE, TOP_P, MAX_TOKENS, FREQUENCY_PENALTY, ENABLE_THINKING, STOP),
        ),
        "embedding": KindSpec(
            EmbeddingDialect(),
            BASE_URL,
            "BAAI/bge-m3",
            Text(
                "平台补上 /embeddings。一次最多 32 条，更多的由平台分批，合成一笔账。",
                "/embeddings is added. At most 32 inputs a call; more are split, on one bill.",
            ),
            inputs_max=32,
        ),
        "rerank": KindSpec(
            RerankDialect(),
            BASE_URL,
            "BAAI/bge-reranker-v2-m3",
            Text("平台补上 /rerank。", "/rerank is added."),
        ),
    },
    parameter_profiles=("none",),
    docs_url="https://docs.siliconflow.cn",
    help=Text(
        "模型名带组织前缀，例如 Qwen/Qwen3-32B。思考过程在 reasoning_content 里。",
        "Names begin with the organisation, such as Qwen/Qwen3-32B. Thinking comes in reasoning_content.",
    ),
)
