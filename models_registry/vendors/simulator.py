"""The simulator this product ships (`SIMULATOR_PORT=9100 make run`): OpenAI's shapes, and 元景's for OCR."""

from models_registry.vendors.base import KindSpec, Text, Vendor
from models_registry.vendors.openai_shape import ChatDialect, EmbeddingDialect, RerankDialect
from models_registry.vendors.yuanjing import YuanjingOcr

DEFAULT_URL = "http://127.0.0.1:9100/v1"
SWITCHES = Text(
    "模型名后可以接开关，例如 chat;think 或 chat;status=500，用来演练每一种故障。",
    "Switches may follow the model's name, such as chat;think or chat;status=500, to rehearse every fault.",
)

VENDOR = Vendor(
    slug="simulator",
    label_zh="内置模拟器",
    label_en="Built-in simulator",
    mark="模",
    order=60,
    kinds={
        "llm": KindSpec(ChatDialect(), DEFAULT_URL, "chat", SWITCHES),
        "embedding": KindSpec(EmbeddingDialect(), DEFAULT_URL, "embedding", SWITCHES),
        "rerank": KindSpec(RerankDialect(), DEFAULT_URL, "rerank", SWITCHES),
        "ocr": KindSpec(YuanjingOcr(), DEFAULT_URL, "ocr", SWITCHES),
    },
    needs_key=False,
    auths=("bearer", "raw"),
    help=Text(
        "演示和联调用，不收费。以 SIMULATOR_PORT=9100 make run 启动。",
        "For demos and for testing clients; free of charge. Start it by SIMULATOR_PORT=9100 make run.",
    ),
)
