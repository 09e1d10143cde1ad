"""Many new models at once, all or none."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction
from pydantic import ValidationError

from accounts.revision import revision_bump
from models_registry.documents import HEADER_TEXT, EndpointDocument, ModelDocument, mistakes
from models_registry.models import Model
from models_registry.services import RegistryError, models_insert


class Imported(NamedTuple):
    """`skipped` are names that were there already; what is served under them stays as it is."""

    models: list[Model]
    skipped: list[str]


@transaction.atomic
def models_import(*, documents: Sequence[ModelDocument], actor: str) -> Imported:
    """All of the documents or none, each disabled. Raises RegistryError where two would have one name."""
    wanted = [document.name for document in documents]
    if twice := [name for name, count in Counter(wanted).items() if count > 1]:
        raise RegistryError(f"named twice: {', '.join(twice)}", field="models")
    revision = revision_bump()  # one importer at a time
    there = set(Model.objects.filter(name__in=wanted).values_list("name", flat=True))
    missing = [document for document in documents if document.name not in there]
    made = models_insert(documents=missing, revision=revision, actor=actor)
    return Imported(made, [name for name in wanted if name in there])


def check_connection(*, vendor: str, inference_url: str, api_key: str) -> None:
    """Raises RegistryError. A key is sent as it was typed: `env:` would read the server's own secrets."""
    if api_key.startswith("env:"):
        raise RegistryError("env:NAME works in files applied on the server; give the key itself", field="api_key")
    if not HEADER_TEXT.match(api_key):
        raise RegistryError("only visible ASCII is a key", field="api_key")
    try:
        EndpointDocument(vendor=vendor, inference_url=inference_url)
    except ValidationError as error:
        raise RegistryError(mistakes(error), field="inference_url") from error
