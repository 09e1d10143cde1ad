"""The price lists and model lists of vendors' documents: one YAML file each, numbers as printed. Pure.

Every entry was made a ModelDocument when this was imported: what stands in a file can be imported.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field

from models_registry.documents import (
    DocumentLoader,
    EndpointDocument,
    LimitsDocument,
    ModelDocument,
    Name,
    PriceDocument,
    Strict,
)

K, M = 1024, 1_000_000  # of context lengths, as formats.context_size reads them back
THOUSANDS = {"": 1, "k": 1_000, "w": 10_000}  # w: 万
URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?(/\S*)?\Z")
ANY_URL = "https://example.com/v1"

Count = Annotated[str, Field(pattern=r"^[0-9]+[kw]?$")]


class Words(Strict):
    zh: str
    en: str


class CatalogModel(Strict):
    """One line of a list. `title`, `says` and `updated` are the document's own; `note` is ours, where it is unclear."""

    name: Name
    title: str = ""
    upstream_model: str = ""
    kind: Literal["llm", "embedding", "rerank", "ocr"] = "llm"
    price: PriceDocument | None = None
    context: Annotated[str, Field(pattern=r"^[0-9]+[KM]$")] | None = None
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    stream_only: bool = False
    auth: Literal["bearer", "raw"] | None = None
    updated: str = ""
    says: str = ""
    note: Words | None = None

    @property
    def limits(self) -> LimitsDocument:
        return LimitsDocument(rpm=number(self.rpm), tpm=number(self.tpm), concurrency=number(self.concurrency))

    @property
    def context_length(self) -> int | None:
        return int(self.context[:-1]) * (K if self.context[-1] == "K" else M) if self.context else None


class Series(Strict):
    label: Words
    models: Annotated[list[CatalogModel], Field(min_length=1)]


class Catalog(Strict):
    """`auth` is what its models take where they say nothing else; `base_url` may hold a placeholder."""

    slug: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    label: Words
    vendor: str
    base_url: str
    docs_url: str = ""
    auth: Literal["bearer", "raw"] = "bearer"
    thinking: Literal["leave", "lift"] = "leave"
    parameter_profile: Literal["none", "qwen"] = "none"
    note: Words
    series: list[Series]

    @property
    def models(self) -> list[CatalogModel]:
        return [model for series in self.series for model in series.models]

    @property
    def default_url(self) -> str:
        """Empty where the document leaves the address open."""
        return self.base_url if URL.match(self.base_url) else ""

    def document(self, model: CatalogModel, *, name: str, inference_url: str, api_key: str) -> ModelDocument:
        """Raises pydantic's ValidationError for a name or URL that cannot be imported."""
        endpoint = {
            "vendor": self.vendor,
            "inference_url": inference_url,
            "model": model.upstream_model or model.name,
            "api_key": api_key,
            "auth": model.auth or self.auth,
            "thinking": self.thinking,
            "parameter_profile": self.parameter_profile if model.kind == "llm" else "none",
        }
        return ModelDocument(
            name=name,
            kind=model.kind,
            price=model.price,
            limits=model.limits,
            stream_only=model.stream_only,
            context_length=model.context_length,
            endpoints=[EndpointDocument.model_validate(endpoint)],
        )


def number(printed: str | None) -> int | None:
    """600, 5k, 100w: 万."""
    if printed is None:
        return None
    digits = printed.rstrip("kw")
    return int(digits) * THOUSANDS[printed[len(digits) :]]


def catalog_read(path: Path) -> Catalog:
    data = yaml.load(path.read_text(encoding="utf-8"), Loader=DocumentLoader)  # noqa: S506 - it is a SafeLoader
    catalog = Catalog.model_validate(data)
    for model in catalog.models:
        catalog.document(model, name=model.name, inference_url=ANY_URL, api_key="")
    return catalog


def find_catalogs() -> Mapping[str, Catalog]:
    found = [catalog_read(path) for path in sorted(Path(__file__).parent.glob("*.yaml"))]
    return {catalog.slug: catalog for catalog in sorted(found, key=lambda one: -len(one.models))}


CATALOGS = find_catalogs()
