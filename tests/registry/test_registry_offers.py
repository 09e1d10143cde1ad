"""What one yuan buys, which series a name belongs to, how healthy a model is."""

import pytest

from models_registry.models import health_of
from models_registry.offers import Buys, Offer, series_of, yuan_buys

YUAN = 10**9


def tokens(input_yuan: float, output_yuan: float = 0) -> Offer:
    return Offer("per_m_tokens", round(input_yuan * YUAN), round(output_yuan * YUAN))


@pytest.mark.parametrize(
    ("kind", "offer", "buys"),
    [
        ("llm", tokens(4, 16), Buys(142_857, "tokens")),  # 4 M tokens cost 3 × ¥4 + ¥16
        ("llm", tokens(2, 8), Buys(285_714, "tokens")),
        ("llm", tokens(1, 1), Buys(1_000_000, "tokens")),
        ("llm", tokens(0, 4), Buys(1_000_000, "tokens")),
        ("llm", Offer("per_1k_tokens", 8 * YUAN, 8 * YUAN), Buys(125_000, "tokens")),
        ("embedding", tokens(0.5), Buys(2_000_000, "tokens")),
        ("rerank", tokens(0.9), Buys(1_111_111, "tokens")),
        ("embedding", Offer("per_1k_tokens", YUAN, YUAN), Buys(1_000_000, "tokens")),
        ("ocr", Offer("per_page", page_nano=YUAN // 100), Buys(100, "pages")),
        ("llm", Offer("per_call", call_nano=YUAN // 500), Buys(500, "calls")),
        ("llm", Offer("free"), Buys(0, "all")),
        ("llm", tokens(123_456, 987_654), Buys(2, "tokens")),
    ],
)
def test_one_yuan_buys(kind: str, offer: Offer, buys: Buys) -> None:
    assert yuan_buys(kind, offer) == buys


def test_what_has_no_price_is_not_free() -> None:
    assert not Offer("none").is_free
    assert Offer("none").token_nano_max is None
    assert Offer("free").token_nano_max == 0
    assert Offer("per_page", page_nano=1).token_nano_max is None


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("deepseek-r1:1.5b", "DeepSeek"),
        ("DeepSeek-R1-Distill-Qwen-32B", "DeepSeek"),
        ("QwQ-32B", "Qwen"),
        ("Qwen/Qwen3-235B-A22B", "Qwen"),
        ("BAAI/bge-large-zh-v1.5", "BGE"),
        ("glm-4-flash", "GLM"),
        ("chatglm3-6b", "GLM"),
        ("o3-mini", "GPT"),
        ("ollama-thing", "ollama"),
        ("Yi-34B", "Yi"),
        ("yields", "yields"),
        ("multilingual-e5-small", "E5"),
        ("unicom-ocr", "unicom"),
        ("文心一言", "ERNIE"),
        ("42", ""),
        ("x/", ""),
        ("", ""),
    ],
)
def test_a_name_suggests_its_series(name: str, series: str) -> None:
    assert series_of(name) == series


@pytest.mark.parametrize(
    ("endpoints", "health"),
    [
        ([], "unknown"),
        (["up"], "up"),
        (["up", "unknown"], "up"),
        (["up", "down"], "degraded"),
        (["down", "down"], "down"),
        (["down", "unknown"], "unknown"),
    ],
)
def test_a_model_is_as_healthy_as_its_endpoints(endpoints: list[str], health: str) -> None:
    assert health_of(endpoints) == health
