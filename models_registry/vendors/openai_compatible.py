"""Anything that speaks OpenAI's API: 并行智算云, 常见模型 MaaS, wcode, 云网 AI+, vLLM, llama.cpp and many more."""

from models_registry.vendors.base import KindSpec, Vendor
from models_registry.vendors.openai_shape import ChatDialect, EmbeddingDialect, RerankDialect

VENDOR = Vendor(
    slug="openai_compatible",
    label_zh="OpenAI 兼容",
    label_en="OpenAI compatible",
    kinds={
        "llm": KindSpec(ChatDialect()),
        "embedding": KindSpec(EmbeddingDialect()),
        "rerank": KindSpec(RerankDialect()),
    },
    needs_key=False,
    auths=("bearer", "raw"),
)
