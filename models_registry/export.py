"""The registry as a models file: what `registry_apply` reads, without the keys."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import yaml

from accounts.money import NANO_PER_YUAN
from models_registry.importing.tables import table_write
from models_registry.models import Endpoint, Model, Price
from models_registry.rows import ModelRow

HEAD = """\
# Models of Model Console. Read it back with: manage.py registry_apply FILE.yaml [--enable]
# Keys are left out. Applied where a model already is, each endpoint keeps the key it has; elsewhere add
# api_key: KEY, or api_key: env:NAME, to the endpoints that need one.
"""


def registry_yaml(*, rows: Iterable[ModelRow]) -> str:
    """A model without an endpoint could not be read back and is named in a comment."""
    documents, left_out = [], []
    for row in rows:
        if row.endpoints:
            documents.append(model_document(row))
        else:
            left_out.append(f"# left out, having no endpoint: {row.model.name}\n")
    options: dict[str, Any] = {"allow_unicode": True, "sort_keys": False, "width": 120}
    body: str = yaml.dump({"models": documents}, Dumper=DocumentDumper, **options)
    return HEAD + "".join(left_out) + body


def registry_csv(*, rows: Iterable[ModelRow]) -> str:
    """As `tables` reads it, without the keys; with the mark by which Excel knows UTF-8."""
    chosen = list(rows)
    left_out = [row.model.name for row in chosen if not row.endpoints]
    return "\ufeff" + table_write((model_document(row) for row in chosen if row.endpoints), left_out=left_out)


class DocumentDumper(yaml.SafeDumper):
    """Text of several lines stands in lines, as people write it."""


def text_written(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


DocumentDumper.add_representer(str, text_written)


def model_document(row: ModelRow) -> dict[str, Any]:
    model = row.model
    document = {
        "name": model.name,
        "kind": model.kind,
        "price": price_document(row.price) if row.price else None,
        "limits": {name: value for name, value in limits(model).items() if value} or None,
        "stream_only": model.stream_only or None,
        "context_length": model.context_length,
        "max_output_tokens": model.max_output_tokens,
        "endpoints": [endpoint_document(endpoint) for endpoint in row.endpoints],
    }
    return {name: value for name, value in document.items() if value is not None}


def limits(model: Model) -> dict[str, int | None]:
    return {"rpm": model.rpm, "tpm": model.tpm, "concurrency": model.concurrency}


def endpoint_document(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "vendor": endpoint.vendor,
        "inference_url": endpoint.inference_url,
        "model": endpoint.upstream_model,
        "auth": endpoint.auth,
        "thinking": endpoint.thinking,
        "parameter_profile": endpoint.parameter_profile,
        **({"ca_certificates": endpoint.ca_certificates} if endpoint.ca_certificates else {}),
        "priority": endpoint.priority,
        "weight": endpoint.weight,
    }


def price_document(price: Price) -> dict[str, Any]:
    """The form in which the price was given."""
    forms: dict[str, dict[str, Any]] = {
        "per_m_tokens": {"input": yuan(price.input_nano), "output": yuan(price.output_nano)},
        "per_1k_tokens": {"per_1k_tokens": yuan(Decimal(price.input_nano) / 1000)},
        "per_call": {"per_call": yuan(price.call_nano)},
        "per_page": {"per_page": yuan(price.page_nano)},
        "free": {"free": True},
    }
    return forms[price.unit]


def yuan(nano: int | Decimal) -> str:
    """Plain and as short as it is exact: 2, 0.0008."""
    return f"{(Decimal(nano) / NANO_PER_YUAN).normalize():f}"
