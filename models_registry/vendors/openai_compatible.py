"""Anything that speaks OpenAI's API: 并行智算云, 常见模型 MaaS, wcode, 云网 AI+, vLLM, llama.cpp and many more."""

from models_registry.vendors.base import KindSpec, Text, Vendor
from models_registry.vendors.chat_parameters import USUAL
from models_registry.vendors.film_chat import FilmChatDialect
from models_registry.vendors.openai_shape import ChatDialect, EmbeddingDialect, RerankDialect

VENDOR = Vendor(
    slug="openai_compatible",
    label_zh="OpenAI 兼容",
    label_en="OpenAI compatible",
    mark="AI",
    order=50,
    kinds={
        "llm": KindSpec(
            ChatDialect(),
            example_model="DeepSeek-R1",
            qwen_dialect=FilmChatDialect(),
            help=Text(
                "填到版本段为止，例如 https://wcode.net/api/gpt/v1，平台补上 /chat/completions。",
                "Up to the version, such as https://wcode.net/api/gpt/v1; /chat/completions is added.",
            ),
            parameters=USUAL,
        ),
        "embedding": KindSpec(
            EmbeddingDialect(),
            example_model="BAAI/bge-large-zh-v1.5",
            help=Text("填到版本段为止，平台补上 /embeddings。", "Up to the version; /embeddings is added."),
        ),
        "rerank": KindSpec(
            RerankDialect(),
            example_model="jina-reranker-v2-base-multilingual",
            help=Text(
                "填到版本段为止，平台补上 /rerank。返回须为 results[].relevance_score。",
                "Up to the version; /rerank is added. The reply must have results[].relevance_score.",
            ),
        ),
    },
    needs_key=False,
    auths=("bearer", "raw"),
    help=Text(
        "并行智算云、常见模型 MaaS、wcode、云网 AI+、vLLM、llama.cpp 等。"
        "云网 AI+ 的 Authorization 不带 Bearer，认证方式选裸密钥。",
        "Paratera, common MaaS platforms, wcode, Yunwang AI+, vLLM, llama.cpp and others."
        " Yunwang AI+ takes the bare key in Authorization.",
    ),
)
