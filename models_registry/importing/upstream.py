"""Models of an upstream's own list, imported all at once under the address and key it was read with."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError

from models_registry.documents import LimitsDocument, ModelDocument, PriceDocument, mistakes
from models_registry.importing.many import Imported, check_connection, models_import
from models_registry.importing.url_doctor import origin, url_advise
from models_registry.services import RegistryError
from models_registry.vendors import VENDORS


class Connection(NamedTuple):
    """What the imported models share. `api_key` stands last so that nobody prints it by chance."""

    vendor: str
    inference_url: str
    auth: str
    ca_certificates: str
    api_key: str


class Chosen(NamedTuple):
    upstream_model: str
    kind: str


def upstream_import(
    *,
    connection: Connection,
    chosen: Sequence[Chosen],
    actor: str,
    name_prefix: str = "",
    price: PriceDocument | None = None,
    limits: LimitsDocument | None = None,
) -> Imported:
    """All of the chosen models or none, each disabled; without a price they need one before they are enabled.

    Raises RegistryError whose `field` is one of models, inference_url, api_key, name_prefix, price.
    """
    if not chosen:
        raise RegistryError("no model was chosen", field="models")
    check_connection(vendor=connection.vendor, inference_url=connection.inference_url, api_key=connection.api_key)
    documents = [document_of(connection, one, name_prefix, price, limits) for one in dict.fromkeys(chosen)]
    return models_import(documents=documents, actor=actor)


def document_of(
    connection: Connection, one: Chosen, name_prefix: str, price: PriceDocument | None, limits: LimitsDocument | None
) -> ModelDocument:
    vendor = VENDORS[connection.vendor]
    if one.kind not in vendor.kinds:
        words = f"{one.upstream_model}: vendor {vendor.slug} has no {one.kind}; it has {', '.join(vendor.kinds)}"
        raise RegistryError(words, field="models")
    if price:
        check_price(price, one)
    endpoint = {
        "vendor": connection.vendor,
        "inference_url": url_of_kind(connection, one.kind),
        "model": one.upstream_model,
        "api_key": connection.api_key,
        "auth": connection.auth,
        "ca_certificates": connection.ca_certificates,
    }
    try:
        return ModelDocument.model_validate(
            {
                "name": f"{name_prefix}{one.upstream_model}",
                "kind": one.kind,
                "price": price,
                "limits": limits or LimitsDocument(),
                "endpoints": [endpoint],
            }
        )
    except ValidationError as error:
        raise RegistryError(f"{one.upstream_model}: {mistakes(error)}", field="models") from error


def check_price(price: PriceDocument, one: Chosen) -> None:
    try:
        price.check_kind(one.kind)
    except ValueError as error:
        raise RegistryError(f"{one.upstream_model}: {error}", field="price") from error


def url_of_kind(connection: Connection, kind: str) -> str:
    """A vendor's own host may answer another kind at another path, which its file names."""
    url = connection.inference_url
    advice = url_advise(vendor=VENDORS[connection.vendor], kind=kind, url=url)
    documented = "undocumented" in advice.hints and origin(advice.suggestion) == origin(url)
    return advice.suggestion if documented else url
