"""Ollama's OpenAI-compatible path. It needs no key, and there it ignores `num_ctx`."""

from models_registry.vendors.base import KindSpec, Text, Vendor
from models_registry.vendors.chat_parameters import (
    FREQUENCY_PENALTY,
    MAX_TOKENS,
    PRESENCE_PENALTY,
    SEED,
    STOP,
    TEMPERATURE,
    TOP_P,
)
from models_registry.vendors.openai_shape import ChatDialect, EmbeddingDialect

DEFAULT_URL = "http://127.0.0.1:11434/v1"
HELP = Text(
    "把 127.0.0.1 换成 Ollama 所在的主机。上游模型名以 ollama list 显示的为准，含冒号后的标签。",
    "Put the host of Ollama in place of 127.0.0.1. Name the model as `ollama list` does, with its tag.",
)

PARAMETERS = (TEMPERATURE, TOP_P, MAX_TOKENS, PRESENCE_PENALTY, FREQUENCY_PENALTY, SEED, STOP)

VENDOR = Vendor(
    slug="ollama",
    label_zh="Ollama",
    label_en="Ollama",
    mark="O",
    order=40,
    kinds={
        "llm": KindSpec(ChatDialect(), DEFAULT_URL, "deepseek-r1:1.5b", HELP, parameters=PARAMETERS),
        "embedding": KindSpec(EmbeddingDialect(), DEFAULT_URL, "granite-embedding:latest", HELP),
    },
    needs_key=False,
    docs_url="https://github.com/ollama/ollama/blob/main/docs/openai.md",
    help=Text(
        "无需密钥。私网地址要先在 ALLOWED_PRIVATE_NETWORKS 中放行。此路径不理会 num_ctx，上下文长度在 Ollama 侧设置。",
        "Needs no key. A private address must be named in ALLOWED_PRIVATE_NETWORKS. This path ignores num_ctx:"
        " set the context length in Ollama.",
    ),
)
