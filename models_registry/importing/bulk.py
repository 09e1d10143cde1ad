"""A models file from a browser or a script: read, compared with what is served, and applied all or none."""

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml
from django.db import transaction
from pydantic import ValidationError
from yaml.constructor import ConstructorError

from models_registry.documents import (
    DocumentError,
    DocumentLoader,
    ModelDocument,
    RegistryDocument,
    mistakes,
    not_from_the_environment,
    yaml_mistake,
)
from models_registry.export import model_document
from models_registry.importing.tables import table_read
from models_registry.models import Endpoint, Model
from models_registry.rows import ModelRow, model_rows
from models_registry.secret import Secret, SecretUnreadable
from models_registry.services import registry_apply

TEXT_MAX = 500_000
MODELS_MAX = 1_000
WRITTEN_OUT_MAX = 10 * TEXT_MAX  # what a file with aliases may stand for
REASON_MAX = 500
UNTEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
MERGE = "tag:yaml.org,2002:merge"
Status = Literal["new", "changed", "unchanged", "wrong"]
Entry = tuple[int, Any]  # the line it begins at, and a model as it was written


@dataclass(frozen=True, slots=True)
class PlanRow:
    """`changes` name the parts of the model that would change; `reasons` what is wrong, in English."""

    line: int
    name: str
    kind: str
    status: Status
    changes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """`documents` are those that change something; they hold keys, and are never shown."""

    rows: list[PlanRow]
    documents: list[ModelDocument] = field(default_factory=list, repr=False)

    @property
    def is_right(self) -> bool:
        return all(row.status != "wrong" for row in self.rows)

    def count(self, status: Status) -> int:
        return sum(row.status == status for row in self.rows)


class PlanWrong(Exception):
    """Nothing was applied."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("the file has mistakes")
        self.plan = plan


# --- reading ----------------------------------------------------------------------------------------
class UploadLoader(DocumentLoader):
    """Without merges, and with few aliases: some lines of them could stand for more than there is memory."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.sizes: dict[int, int] = {}  # of nodes as they would be written out

    def compose_node(self, parent: Any, index: Any) -> Any:
        node = super().compose_node(parent, index)
        if node is not None and id(node) not in self.sizes:
            self.sizes[id(node)] = size = 1 + sum(self.sizes.get(id(part), 1) for part in parts_of(node))
            if isinstance(node, yaml.ScalarNode):
                self.sizes[id(node)] += len(node.value)
            elif size > WRITTEN_OUT_MAX:
                words = f"its aliases stand for more than {WRITTEN_OUT_MAX:,} characters; split the file"
                raise ConstructorError(None, None, words, node.start_mark)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if any(key.tag == MERGE for key, _value in node.value):
            raise ConstructorError(None, None, "merges (<<) are not taken here; write it out", node.start_mark)


def parts_of(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def text_decoded(data: bytes) -> str:
    """UTF-8, or what a Chinese Excel writes. Raises DocumentError."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.removeprefix(codecs.BOM_UTF8).decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DocumentError("the file is neither UTF-8 nor GB18030 text")


def bulk_read(text: str) -> list[Entry]:
    """YAML or CSV, whichever it is. Raises DocumentError for what is neither."""
    text = text.removeprefix("\ufeff")
    if len(text) > TEXT_MAX:
        raise DocumentError(f"the file is longer than {TEXT_MAX:,} characters; split it")
    if UNTEXT.search(text):
        raise DocumentError("the file has control characters; it is no text")
    entries = table_read(text) if is_table(text) else yaml_read(text)
    if not entries:
        raise DocumentError("the file has no model")
    if len(entries) > MODELS_MAX:
        raise DocumentError(f"the file has more than {MODELS_MAX:,} models; split it")
    return entries


def is_table(text: str) -> bool:
    """By its header: the first line of a models file in YAML is no list of columns."""
    head = next((line for line in text.splitlines() if line.strip()), "").lower()
    return not head.lstrip().startswith("#") and any(mark in head for mark in ",;\t") and "models:" not in head


def yaml_read(text: str) -> list[Entry]:
    try:
        loader = UploadLoader(text)
        root = loader.get_single_node()
        data: Any = loader.construct_document(root) if root else None
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(f"the file is not YAML: {yaml_mistake(error)}") from error
    except RecursionError as error:
        raise DocumentError("the file is nested too deeply") from error
    if not isinstance(root, yaml.MappingNode) or not isinstance(data.get("models"), list) or len(data) != 1:
        raise DocumentError("the file must hold one list: models")
    ((_key, node),) = root.value
    return [(item.start_mark.line + 1, model) for item, model in zip(node.value, data["models"], strict=True)]


# --- comparing --------------------------------------------------------------------------------------
def bulk_plan(*, entries: Iterable[Entry]) -> Plan:
    """What applying would do. Reads, and writes nothing."""
    read = [(line, given, document_read(given)) for line, given in entries]
    names = [document.name for _line, _given, document in read if isinstance(document, ModelDocument)]
    served = {row.model.name: row for row in model_rows(models=Model.objects.filter(name__in=names))}
    keys = keys_of(document for _line, _given, document in read if isinstance(document, ModelDocument))
    rows, documents, lines = [], [], dict[str, int]()
    for line, given, document in read:
        if isinstance(document, list):
            rows.append(PlanRow(line, *named(given), "wrong", reasons=tuple(document)))
            continue
        row = planned(line, document, served.get(document.name), lines.get(document.name), keys)
        lines.setdefault(document.name, line)
        rows.append(row)
        if row.status in ("new", "changed"):
            documents.append(document)
    return Plan(rows, documents)


def document_read(given: Any) -> ModelDocument | list[str]:
    """The model, or what is wrong with it."""
    try:
        document = ModelDocument.model_validate(given)
        for endpoint in document.endpoints:
            not_from_the_environment(endpoint.api_key)
            endpoint.resolved_key()
    except ValidationError as error:
        return [line[:REASON_MAX] for line in mistakes(error).splitlines()]
    except (DocumentError, ValueError) as error:
        return [f"api_key: {error}"]
    return document


def named(given: Any) -> tuple[str, str]:
    """Name and kind as far as they are words: what else stands there may be of any size."""
    fields = given if isinstance(given, dict) else {}
    name, kind = (value if isinstance(value := fields.get(key), str) else "" for key in ("name", "kind"))
    return name[:200], kind[:16]


def planned(
    line: int, document: ModelDocument, served: ModelRow | None, former_line: int | None, keys: Mapping[int, Secret]
) -> PlanRow:
    name, kind = document.name, document.kind
    if former_line:
        return PlanRow(line, name, kind, "wrong", reasons=(f"name: stands in line {former_line} already",))
    if served is None:
        return PlanRow(line, name, kind, "new")
    if served.model.kind != kind and served.price and not document.price:
        words = f"price: it was priced as kind {served.model.kind} and is to be {kind}; give its price"
        return PlanRow(line, name, kind, "wrong", reasons=(words,))
    changes = tuple(changes_of(document, served, keys))
    return PlanRow(line, name, kind, "changed" if changes else "unchanged", changes)


def changes_of(document: ModelDocument, served: ModelRow, keys: Mapping[int, Secret]) -> list[str]:
    """What the file is silent about, a price or a key, stays."""
    now = ModelDocument.model_validate(model_document(served)) if served.endpoints else None
    if now is None:
        return ["endpoints"]
    names = ("kind", "limits", "stream_only", "context_length", "max_output_tokens")
    changed = [name for name in names if getattr(now, name) != getattr(document, name)]
    if document.price and (now.price is None or now.price.columns() != document.price.columns()):
        changed.append("price")
    if places(now) != places(document):
        return [*changed, "endpoints"]
    return [*changed, "api_key"] if keys_differ(document, served, keys) else changed


def places(document: ModelDocument) -> list[tuple[Any, ...]]:
    """The endpoints without their keys, in an order that means nothing."""
    found = (endpoint.model_dump(exclude={"api_key"}) for endpoint in document.endpoints)
    return sorted(tuple(sorted((name, str(value)) for name, value in one.items())) for one in found)


def keys_of(documents: Iterable[ModelDocument]) -> dict[int, Secret]:
    """What is stored, by endpoint, for those that give a key: decrypted only to be compared."""
    names = [one.name for one in documents if any(endpoint.api_key is not None for endpoint in one.endpoints)]
    return dict(Endpoint.objects.filter(model__name__in=names).values_list("id", "api_key"))


def keys_differ(document: ModelDocument, served: ModelRow, keys: Mapping[int, Secret]) -> bool:
    kept = {(one.vendor, one.inference_url, one.upstream_model): one.pk for one in served.endpoints}
    for one in document.endpoints:
        if one.api_key is None:
            continue
        key = keys.get(kept.get((one.vendor, one.inference_url, one.model), 0))
        try:
            if key is None or key.reveal() != one.resolved_key():
                return True
        except SecretUnreadable:
            return True
    return False


# --- applying ---------------------------------------------------------------------------------------
def bulk_apply(*, text: str, actor: str) -> Plan:
    """All that changes something, or nothing. Raises DocumentError, and PlanWrong where a model is wrong."""
    entries = bulk_read(text)
    with transaction.atomic():
        plan = bulk_plan(entries=entries)
        if not plan.is_right:
            raise PlanWrong(plan)
        if plan.documents:
            registry_apply(document=RegistryDocument(models=plan.documents), actor=actor)
    return plan
