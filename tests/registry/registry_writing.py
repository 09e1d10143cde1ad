"""Models files as people write them."""

from typing import Any

import yaml

from models_registry.documents import registry_parse
from models_registry.models import Endpoint, Model
from models_registry.services import registry_apply

ENDPOINT = {"vendor": "openai_compatible", "inference_url": "https://example.com/v1", "model": "m"}


def model(name: str, **fields: Any) -> dict[str, Any]:
    base = {"name": name, "kind": "llm", "price": {"input": "2", "output": "8"}, "endpoints": [ENDPOINT]}
    return {key: value for key, value in {**base, **fields}.items() if value is not None}


def text(*models: dict[str, Any]) -> str:
    return yaml.safe_dump({"models": list(models)}, allow_unicode=True)


def apply(*models: dict[str, Any]) -> list[Model]:
    return registry_apply(document=registry_parse(text(*models)), actor="tests")


def endpoint_of(made: Model) -> Endpoint:
    return Endpoint.objects.select_related("model").get(model=made)
