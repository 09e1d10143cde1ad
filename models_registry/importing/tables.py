"""The models file as a table (CSV): a row is an endpoint, and rows of one name are one model. Pure.

Spreadsheets run a cell that begins with = + - or @, some also those of full width. Such a cell is written with '
before it, and read without.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models_registry.documents import DocumentError, EndpointDocument, LimitsDocument, PriceDocument
from models_registry.vendors import VENDORS
from models_registry.vendors.base import Vendor

ENDPOINT = tuple(EndpointDocument.model_fields)
PRICE = tuple(PriceDocument.model_fields)
LIMITS = tuple(LimitsDocument.model_fields)
REST = ("context_length", "max_output_tokens", "stream_only")
MODEL = ("kind", *PRICE, *LIMITS, *REST)  # may be left out in the second row of a model, and may not differ
COLUMNS = ("name", "kind", *ENDPOINT[:4], *PRICE, *LIMITS, *REST, *ENDPOINT[4:])
NEEDED = ("name", "kind", "vendor", "inference_url")
RUN = tuple("=+-@＝＋－＠\t\r'")
TEMPLATE_PRICES = {"llm": {"input": "2", "output": "8"}, "embedding": {"input": "0.5"}, "rerank": {"per_call": "0.01"}}
CELL_MAX = 100_000


# --- writing ----------------------------------------------------------------------------------------
def table_write(documents: Iterable[Mapping[str, Any]], *, left_out: Iterable[str] = ()) -> str:
    """`documents` are models as in the models file. A row that begins with # is a remark."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for document in documents:
        writer.writerows([cell_written(row.get(name)) for name in COLUMNS] for row in rows_of(document))
    writer.writerows([f"# left out, having no endpoint: {name}"] for name in left_out)
    return text.getvalue()


def rows_of(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every row says all of it, so that rows can be sorted and cut out."""
    model = {name: value for name, value in document.items() if name not in {"price", "limits", "endpoints"}}
    model |= document.get("price") or {}
    model |= document.get("limits") or {}
    for endpoint in document["endpoints"]:
        yield model | endpoint


def cell_written(value: Any) -> str:
    text = "true" if value is True else "" if value in (None, False) else str(value)
    return f"'{text}" if text.startswith(RUN) else text


def template_write() -> str:
    """A row of each kind, of the first vendor that has an address for it."""
    ordered = sorted(VENDORS.values(), key=lambda vendor: vendor.order)
    kinds = ("llm", "embedding", "rerank", "ocr")
    return table_write(
        template_row(next(one for one in ordered if kind in one.kinds and one.kinds[kind].default_url), kind)
        for kind in kinds
    )


def template_row(vendor: Vendor, kind: str) -> dict[str, Any]:
    spec = vendor.kinds[kind]
    return {
        "name": f"example/{spec.example_model}",
        "kind": kind,
        "price": TEMPLATE_PRICES.get(kind, {"per_page": "0.01"}),
        "limits": {"rpm": 600},
        "endpoints": [{"vendor": vendor.slug, "inference_url": spec.default_url, "model": spec.example_model}],
    }


# --- reading ----------------------------------------------------------------------------------------
def table_read(text: str) -> list[tuple[int, dict[str, Any]]]:
    """Models as in the models file, each with its line. Raises DocumentError."""
    models: list[tuple[int, dict[str, Any]]] = []
    by_name: dict[str, dict[str, Any]] = {}
    for line, row in cells_read(text):
        endpoint = {name: row[name] for name in ENDPOINT if name in row}
        name = row.get("name", "")
        if former := by_name.get(name):
            former["endpoints"].append(endpoint)
            check_same(former, model_read(row), line)
            continue
        model = model_read(row) | {"endpoints": [endpoint]}
        models.append((line, model))
        if name:  # without one it is a mistake of its own, told with its line
            by_name[name] = model
    return models


def cells_read(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The cells that are not empty, by column."""
    csv.field_size_limit(CELL_MAX)
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    try:
        columns = [cell.strip().lower() for cell in next(reader, [])]
        check_columns(columns)
        line = reader.line_num + 1
        for cells in reader:
            values = [cell_read(cell) for cell in cells]
            if any(values) and not values[0].startswith("#"):
                if len(values) > len(columns):
                    raise DocumentError(f"line {line}: there are {len(values)} cells, and {len(columns)} columns")
                yield line, {name: value for name, value in zip(columns, values, strict=False) if value}
            line = reader.line_num + 1
    except csv.Error as error:
        raise DocumentError(f"line {reader.line_num}: the file is not CSV: {error}") from error


def check_columns(columns: list[str]) -> None:
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise DocumentError(f"line 1: unknown column {unknown[0][:80]!r}; the columns are {', '.join(COLUMNS)}")
    if missing := [name for name in NEEDED if name not in columns]:
        raise DocumentError(f"line 1: the column {missing[0]} is missing; the columns are {', '.join(COLUMNS)}")
    if len(set(columns)) < len(columns):
        raise DocumentError("line 1: a column stands there twice")


def cell_read(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(RUN) else text


def model_read(row: Mapping[str, str]) -> dict[str, Any]:
    """Words stay words: the document's fields say which are numbers."""
    model: dict[str, Any] = {name: row[name] for name in ("name", "kind", *REST) if name in row}
    for part, names in (("price", PRICE), ("limits", LIMITS)):
        if given := {name: row[name] for name in names if name in row}:
            model[part] = given
    return model


def check_same(former: Mapping[str, Any], again: Mapping[str, Any], line: int) -> None:
    for name, value in again.items():
        if former.get(name) != value:
            raise DocumentError(f"line {line}: {former['name']} has another {name} here than in its first row")
