"""Models of a catalog, imported all at once under one address and one key."""

from collections.abc import Collection

from pydantic import ValidationError

from models_registry.catalogs import Catalog, CatalogModel
from models_registry.documents import ModelDocument, mistakes
from models_registry.importing.many import Imported, check_connection, models_import
from models_registry.services import RegistryError


def catalog_import(
    *, catalog: Catalog, names: Collection[str], inference_url: str, api_key: str, actor: str, name_prefix: str = ""
) -> Imported:
    """All of the named models or none, each disabled, with its price, limits and context length.

    Raises RegistryError whose `field` is one of names, inference_url, api_key, name_prefix.
    """
    check_connection(vendor=catalog.vendor, inference_url=inference_url, api_key=api_key)
    documents = [
        document_named(catalog, model, f"{name_prefix}{model.name}", inference_url, api_key)
        for model in models_chosen(catalog, names)
    ]
    return models_import(documents=documents, actor=actor)


def models_chosen(catalog: Catalog, names: Collection[str]) -> list[CatalogModel]:
    """In the catalog's order."""
    known = {model.name for model in catalog.models}
    if unknown := sorted(set(names) - known):
        raise RegistryError(f"catalog {catalog.slug} has no model {', '.join(unknown)}", field="names")
    if not names:
        raise RegistryError("no model was chosen", field="names")
    return [model for model in catalog.models if model.name in names]


def document_named(catalog: Catalog, model: CatalogModel, name: str, inference_url: str, api_key: str) -> ModelDocument:
    """The connection was checked before, and so were the catalogs: what is left to be wrong is the prefix."""
    try:
        return catalog.document(model, name=name, inference_url=inference_url, api_key=api_key)
    except ValidationError as error:
        raise RegistryError(mistakes(error), field="name_prefix") from error
