"""火山引擎: OpenAI's shape under /api/v3. `do_sample` and `repetition_penalty` pass, `service_tier` is kept."""

from models_registry.vendors.base import KindSpec, Parameter, Text, Vendor
from models_registry.vendors.chat_parameters import (
    FREQUENCY_PENALTY,
    MAX_TOKENS,
    PRESENCE_PENALTY,
    STOP,
    TEMPERATURE,
    TOP_P,
)
from models_registry.vendors.openai_shape import ChatDialect
from models_registry.vendors.parameter_rules import Flag, Range

DO_SAMPLE = Parameter(
    "do_sample",
    Flag(),
    Text("采样", "Sampling"),
    Text("关时每步取最可能的词", "Off takes the likeliest word at each step"),
)
REPETITION_PENALTY = Parameter(
    "repetition_penalty",
    Range(0, 2, low_open=True),
    Text("重复惩罚", "Repetition penalty"),
    Text("大于 1 减少重复", "Above 1 repeats less"),
)
PARAMETERS = (
    *(TEMPERATURE, TOP_P, MAX_TOKENS, PRESENCE_PENALTY, FREQUENCY_PENALTY, REPETITION_PENALTY),
    *(DO_SAMPLE, STOP),
)

VENDOR = Vendor(
    slug="ark",
    label_zh="火山引擎",
    label_en="Volcengine Ark",
    mark="火",
    order=30,
    kinds={
        "llm": KindSpec(
            ChatDialect(),
            "https://ark.cn-beijing.volces.com/api/v3",
            "doubao-seed-1-6-flash-250715",
            Text("平台补上 /chat/completions。", "/chat/completions is added."),
            parameters=PARAMETERS,
        )
    },
    parameter_profiles=("none",),
    docs_url="https://www.volcengine.com/docs/82379",
    help=Text(
        "上游模型名填方舟的模型 ID，或推理接入点 ep-…。思考过程在 reasoning_content 里。",
        "Name the model by its Ark model ID, or an endpoint ep-…. Thinking comes in reasoning_content.",
    ),
)
