"""Ollama's OpenAI-compatible path. It needs no key, and there it ignores `num_ctx`."""

from models_registry.vendors.base import KindSpec, Vendor
from models_registry.vendors.openai_shape import ChatDialect, EmbeddingDialect

DEFAULT_URL = "http://127.0.0.1:11434/v1"

VENDOR = Vendor(
    slug="ollama",
    label_zh="Ollama",
    label_en="Ollama",
    kinds={
        "llm": KindSpec(ChatDialect(), DEFAULT_URL),
        "embedding": KindSpec(EmbeddingDialect(), DEFAULT_URL),
    },
    needs_key=False,
    docs_url="https://github.com/ollama/ollama/blob/main/docs/openai.md",
)
