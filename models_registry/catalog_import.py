"""Models of a catalog, imported all at once under one address and one key."""

from collections.abc import Collection
from typing import NamedTuple

from django.db import transaction
from pydantic import ValidationError

from accounts.revision import revision_bump
from models_registry.catalogs import Catalog, CatalogModel
from models_registry.documents import HEADER_TEXT, EndpointDocument, ModelDocument, mistakes
from models_registry.models import Model
from models_registry.services import RegistryError, model_upsert


class Imported(NamedTuple):
    """`skipped` are names that were there already; what is served under them stays as it is."""

    models: list[Model]
    skipped: list[str]


@transaction.atomic
def catalog_import(
    *, catalog: Catalog, names: Collection[str], inference_url: str, api_key: str, actor: str, name_prefix: str = ""
) -> Imported:
    """All of the named models or none, each disabled, with its price, limits and context length.

    Raises RegistryError whose `field` is one of names, inference_url, api_key, name_prefix.
    """
    check_connection(catalog, inference_url, api_key)
    documents = [
        document_named(catalog, model, f"{name_prefix}{model.name}", inference_url, api_key)
        for model in models_chosen(catalog, names)
    ]
    revision_bump()  # one importer at a time
    wanted = [document.name for document in documents]
    there = set(Model.objects.filter(name__in=wanted).values_list("name", flat=True))
    made = [model_upsert(document=document, actor=actor) for document in documents if document.name not in there]
    return Imported(made, [name for name in wanted if name in there])


def models_chosen(catalog: Catalog, names: Collection[str]) -> list[CatalogModel]:
    """In the catalog's order."""
    known = {model.name for model in catalog.models}
    if unknown := sorted(set(names) - known):
        raise RegistryError(f"catalog {catalog.slug} has no model {', '.join(unknown)}", field="names")
    if not names:
        raise RegistryError("no model was chosen", field="names")
    return [model for model in catalog.models if model.name in names]


def check_connection(catalog: Catalog, inference_url: str, api_key: str) -> None:
    """A key is sent as it was typed: `env:` would read the server's own secrets."""
    if api_key.startswith("env:"):
        raise RegistryError("env:NAME works in files applied on the server; give the key itself", field="api_key")
    if not HEADER_TEXT.match(api_key):
        raise RegistryError("only visible ASCII is a key", field="api_key")
    try:
        EndpointDocument(vendor=catalog.vendor, inference_url=inference_url)
    except ValidationError as error:
        raise RegistryError(mistakes(error), field="inference_url") from error


def document_named(catalog: Catalog, model: CatalogModel, name: str, inference_url: str, api_key: str) -> ModelDocument:
    """The connection was checked before, and so were the catalogs: what is left to be wrong is the prefix."""
    try:
        return catalog.document(model, name=name, inference_url=inference_url, api_key=api_key)
    except ValidationError as error:
        raise RegistryError(mistakes(error), field="name_prefix") from error
