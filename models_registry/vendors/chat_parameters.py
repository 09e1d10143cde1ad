"""The parameters of chats that vendors share, each with its range where no narrower one is documented."""

from models_registry.vendors.base import Parameter, Text
from models_registry.vendors.parameter_profiles import QWEN
from models_registry.vendors.parameter_rules import Flag, Range, StopWords

TOKENS_MAX = 10_000_000  # what the gateway takes

TEMPERATURE = Parameter(
    "temperature",
    Range(0, 2),
    Text("温度", "Temperature"),
    Text("越高越多样，越低越确定", "Higher is more varied, lower more certain"),
)
TOP_P = Parameter(
    "top_p",
    Range(0, 1, low_open=True),
    Text("核采样", "Nucleus sampling"),
    Text("与温度只调一个", "Set this or the temperature, not both"),
)
MAX_TOKENS = Parameter("max_tokens", Range(1, TOKENS_MAX, whole=True), Text("最大输出", "Output limit"))
SEED = Parameter(
    "seed",
    Range(0, whole=True),
    Text("随机种子", "Seed"),
    Text("相同的值让结果尽量一致", "The same value makes results as alike as can be"),
)
PRESENCE_PENALTY = Parameter(
    "presence_penalty",
    Range(-2, 2),
    Text("存在惩罚", "Presence penalty"),
    Text("正数减少重复", "Positive repeats less"),
)
FREQUENCY_PENALTY = Parameter(
    "frequency_penalty",
    Range(-2, 2),
    Text("频率惩罚", "Frequency penalty"),
    Text("正数减少高频词", "Positive uses frequent words less"),
)
ENABLE_THINKING = Parameter("enable_thinking", Flag(), Text("思考过程", "Thinking"))
ENABLE_SEARCH = Parameter(
    "enable_search",
    Flag(),
    Text("联网搜索", "Web search"),
    Text("可能增加 tokens；部分模型不支持", "May take more tokens; some models cannot"),
)
STOP = Parameter("stop", StopWords(), Text("停止词", "Stop words"))

USUAL = (TEMPERATURE, TOP_P, MAX_TOKENS, PRESENCE_PENALTY, FREQUENCY_PENALTY, SEED, ENABLE_THINKING, STOP)


def documented(parameter: Parameter) -> Parameter:
    """In 通义千问's range."""
    rule, qwen = parameter.rule, QWEN[parameter.name]
    return parameter._replace(rule=rule.meeting(qwen) if isinstance(rule, Range) and isinstance(qwen, Range) else qwen)


QWEN_PARAMETERS = (
    *(documented(one) for one in (TEMPERATURE, TOP_P, MAX_TOKENS, PRESENCE_PENALTY, SEED)),
    ENABLE_THINKING,
    *(documented(one) for one in (ENABLE_SEARCH, STOP)),
)
PROFILE_PARAMETERS = {"qwen": QWEN_PARAMETERS}
