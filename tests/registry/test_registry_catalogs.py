"""The catalogs are what the documents print: compared with tables that were cut out of the documents."""

import csv
import re
from decimal import Decimal
from pathlib import Path

import pytest

from models_registry.catalogs import CATALOGS, Catalog, CatalogModel
from models_registry.documents import ModelDocument
from models_registry.vendors import VENDORS

DOCUMENTS = Path(__file__).parents[1] / "fixtures/documents"
EVERY = [(catalog, model) for catalog in CATALOGS.values() for model in catalog.models]
PRINTED_PRICE = re.compile(r"输入：[￥¥]?([\d.]+)元?/M Tokens 输出：[￥¥]?([\d.]+)元?/M Tokens")
LIMITS = ("rpm", "tpm", "concurrency")
PARATERA_SERIES = {
    "DeepSeek 系列": 7,
    "Qwen 系列": 3,
    "MiniMax 系列": 2,
    "GLM-Z1 系列": 3,
    "GLM-4 系列": 7,
    "ERNIE 4.5 Turbo 系列": 2,
}


def table(name: str) -> list[dict[str, str]]:
    with (DOCUMENTS / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def by_name(slug: str) -> dict[str, CatalogModel]:
    return {model.name: model for model in CATALOGS[slug].models}


def columns(model: CatalogModel) -> dict[str, object]:
    """Of its Price row."""
    assert model.price is not None
    return model.price.columns()


def nano(yuan: str) -> int:
    return int(Decimal(yuan) * 10**9)


def test_every_catalog_has_as_many_models_as_its_document() -> None:
    counts = {slug: len(catalog.models) for slug, catalog in CATALOGS.items()}
    assert counts == {"wcode": 40, "paratera": 24, "yunwang": 5, "common_maas": 5}
    series = {one.label.zh: len(one.models) for one in CATALOGS["paratera"].series}
    assert series == PARATERA_SERIES
    assert all(len(by_name(slug)) == count for slug, count in counts.items()), "a name stands twice"


# --- 并行智算云 --------------------------------------------------------------------------------------
def test_the_models_of_paratera_stand_in_the_documents_series_and_order() -> None:
    ours = [(series.label.zh, model.name) for series in CATALOGS["paratera"].series for model in series.models]
    assert ours == [(row["series"], row["name"]) for row in table("paratera")]


@pytest.mark.parametrize("row", table("paratera"), ids=lambda row: row["name"])
def test_a_row_of_paratera_is_printed_so(row: dict[str, str]) -> None:
    model = by_name("paratera")[row["name"]]
    assert model.context == row["context"]
    assert [getattr(model, limit) for limit in LIMITS] == [row[limit].strip("-") or None for limit in LIMITS]
    if "免费" in row["price"]:
        assert columns(model) == {"unit": "free"}
    else:
        match = PRINTED_PRICE.fullmatch(row["price"])
        assert match is not None
        expected = {"unit": "per_m_tokens", "input_nano": nano(match[1]), "output_nano": nano(match[2])}
        assert columns(model) == expected


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("DeepSeek-R1-Distill-Qwen-7B", (30_000, 5_000_000, None)),
        ("DeepSeek-R1", (None, None, None)),
        ("QwQ-32B", (600, 1_000_000, None)),
        ("MiniMax-Text-01", (120, 720_000, None)),
        ("GLM-4-Flash", (None, None, 1000)),
        ("ERNIE-4.5-Turbo-32K", (5_000, 400_000, None)),
    ],
)
def test_w_is_ten_thousand_and_k_a_thousand(name: str, limits: tuple[int | None, ...]) -> None:
    model = by_name("paratera")[name]
    assert tuple(getattr(model.limits, limit) for limit in LIMITS) == limits


@pytest.mark.parametrize(
    ("name", "length"),
    [("GLM-4-AirX", 8192), ("DeepSeek-R1", 65_536), ("Qwen3-32B", 131_072), ("MiniMax-M1-80K", 1_000_000)],
)
def test_context_lengths_are_counted_as_model_makers_do(name: str, length: int) -> None:
    assert by_name("paratera")[name].context_length == length


def test_only_qwen3_only_streams() -> None:
    assert [model.name for _, model in EVERY if model.stream_only] == ["Qwen3-235B-A22B", "Qwen3-32B"]


# --- wcode -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("row", table("wcode"), ids=lambda row: row["name"])
def test_a_row_of_wcode_is_printed_so(row: dict[str, str]) -> None:
    model = by_name("wcode")[row["name"]]
    assert (model.title, model.updated) == (row["title"], row["updated"])
    per_m_nano = nano(row["per_1k_tokens"]) * 1000
    assert columns(model) == {"unit": "per_1k_tokens", "input_nano": per_m_nano, "output_nano": per_m_nano}
    assert model.price is not None
    assert model.price.per_1k_tokens == row["per_1k_tokens"]


def test_the_models_of_wcode_stand_in_the_documents_order_and_know_its_parameter_ranges() -> None:
    catalog = CATALOGS["wcode"]
    assert [model.name for model in catalog.models] == [row["name"] for row in table("wcode")]
    assert [model.name for model in catalog.models if model.kind != "llm"] == ["text-embedding-v3"]
    profiles = {model.kind: document_of(catalog, model).endpoints[0].parameter_profile for model in catalog.models}
    assert profiles == {"llm": "qwen", "embedding": "none"}


# --- 云网 AI+ and 常见模型 MaaS ------------------------------------------------------------------------
def test_yunwang_is_listed_with_its_own_words() -> None:
    ours = [(model.title or model.name, model.says) for model in CATALOGS["yunwang"].models]
    assert ours == [(row["name"], row["says"]) for row in table("yunwang")]


def test_yunwang_takes_the_bare_key_for_chat_alone() -> None:
    catalog = CATALOGS["yunwang"]
    endpoints = [(model.kind, document_of(catalog, model).endpoints[0]) for model in catalog.models]
    assert [(kind, one.model, one.auth) for kind, one in endpoints] == [
        ("llm", "Qwen2-VL-7B", "raw"),
        ("rerank", "BAAI/bge-reranker-v2-m3", "bearer"),
        ("embedding", "BAAI/bge-large-zh-v1.5", "bearer"),
        ("llm", "DeepSeek-R1-32B", "raw"),
        ("llm", "TianQing-72B", "raw"),
    ]


def test_common_models_are_those_with_a_sample() -> None:
    for model, row in zip(CATALOGS["common_maas"].models, table("common_maas"), strict=True):
        assert model.name in row["heading"], "the heading names the model, the last one among other words"
        assert row["model"] in {model.name, "{模型名称}"}
        assert (row["model"] == "{模型名称}") == bool(model.note), "an open name is told of"
        assert (model.kind, row["path"]) == ("llm", "/v1/chat/completions")


@pytest.mark.parametrize("slug", ["yunwang", "common_maas"])
def test_a_document_without_prices_sets_none(slug: str) -> None:
    assert {model.price for model in CATALOGS[slug].models} == {None}
    assert {model.context_length for model in CATALOGS[slug].models} == {None}


# --- all ---------------------------------------------------------------------------------------------
def document_of(catalog: Catalog, model: CatalogModel) -> ModelDocument:
    return catalog.document(model, name=model.name, inference_url="https://example.com/v1", api_key="sk-1")


@pytest.mark.parametrize(("catalog", "model"), EVERY, ids=lambda one: getattr(one, "slug", getattr(one, "name", "")))
def test_every_entry_can_be_imported(catalog: Catalog, model: CatalogModel) -> None:
    document = document_of(catalog, model)
    assert (document.name, document.kind, document.price) == (model.name, model.kind, model.price)
    assert document.limits == model.limits
    (endpoint,) = document.endpoints
    assert (endpoint.inference_url, endpoint.api_key) == ("https://example.com/v1", "sk-1")
    assert endpoint.auth in VENDORS[endpoint.vendor].auths


def test_an_address_is_filled_in_only_where_the_document_prints_one() -> None:
    printed = {slug: catalog.base_url for slug, catalog in CATALOGS.items()}
    assert printed == {
        "paratera": "https://$BASE_URL/v1",
        "wcode": "https://wcode.net/api/gpt/v1",
        "yunwang": "http://IP:端口/v1",
        "common_maas": "<Base URL>/v1",
    }
    assert {slug: catalog.default_url for slug, catalog in CATALOGS.items() if catalog.default_url} == {
        "wcode": "https://wcode.net/api/gpt/v1"
    }
