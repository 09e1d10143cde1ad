"""What the templates of the import page are given."""

import re
from typing import Any, NamedTuple

from inference.probing.report import STAGES, Attempt, Report, Stage
from inference.views import import_words as words
from inference.views.import_form import CARDS, ImportForm
from inference.views.import_listed import listed_again
from inference.views.import_visit import Visit
from models_registry.documents import UNITS
from models_registry.models import Endpoint, Model

REASON = re.compile(r"(?:(\w+): )?(?:HTTP (\d{3}): )?(.*?)(?: · POST (\S+))?\Z", re.DOTALL)
MORE = {  # folded away while nothing in it was changed
    "max_output_tokens": "",
    "thinking": "leave",
    "parameter_profile": "none",
    "priority": "0",
    "weight": "1",
    "ca_certificates": "",
    "stream_only": "",
}
FLOOR = 40  # so that short stages stay visible
GAP = 4


class Option(NamedTuple):
    value: str
    label: str
    checked: bool
    disabled: bool = False
    caption: str = ""
    mark: str = ""


class Row(NamedTuple):
    """A stage as it is shown."""

    stage: Stage
    label: str
    fact: str = ""
    words: str = ""
    help: str = ""


class Bar(NamedTuple):
    x: int
    width: int
    state: str


class Why(NamedTuple):
    """A probe's reason, taken apart."""

    stage: str
    status: str
    words: str
    url: str


def page_context(visit: Visit, form: ImportForm) -> dict[str, Any]:
    shape, advice = visit.shape, visit.advice(form)
    return {
        "nav": "models" if visit.model or visit.source else "import",
        "form": form,
        "here": visit.here,
        "shape": shape,
        "vendors": vendor_options(visit),
        "vendor_name": words.vendor_name(shape.vendor),
        "vendor_help": words.in_language(shape.vendor.help),
        "kind_help": words.in_language(shape.spec.help),
        "kinds": kind_options(visit),
        "units": [Option(unit, str(words.UNITS[unit]), unit == shape.unit) for unit in UNITS[shape.kind]],
        "prices": [form[name] for name in shape.prices],
        "more": [form[name] for name in MORE if name in form.fields],
        "more_open": more_open(form),
        "carried": carried(visit, form),
        "draft": str(form.initial.get("draft") or visit.typed.get("draft", "")),
        "advice": advice,
        "listed": listed_again(visit.request, shape),
        "hints": [words.HINTS[hint] for hint in advice.hints],
        "statuses": statuses(visit.report.attempts if visit.report else []),
        "model": visit.model,
        "source": visit.source,
        "endpoint": visit.endpoint,
        "endpoints": visit.endpoints,
        "whys": whys(visit.model, visit.endpoints),
        **panel(visit.report),
    }


def vendor_options(visit: Visit) -> list[Option]:
    """Of a saved model the kind is settled: vendors without it cannot be chosen."""
    kind = visit.model.kind if visit.model else ""
    return [
        Option(
            vendor.slug,
            words.vendor_name(vendor),
            vendor == visit.shape.vendor,
            bool(kind) and kind not in vendor.kinds,
            words.vendor_caption(vendor),
            vendor.mark,
        )
        for vendor in CARDS
    ]


def kind_options(visit: Visit) -> list[Option]:
    has = visit.shape.vendor.kinds if visit.model is None else {visit.model.kind: None}
    return [Option(kind, label, kind == visit.shape.kind, kind not in has) for kind, label in words.KINDS.items()]


def carried(visit: Visit, form: ImportForm) -> list[tuple[str, str]]:
    """What was typed into fields that this vendor, kind or unit has not: it comes back with them."""
    names = set(ImportForm.base_fields) - set(form.fields) - {"api_key"}
    return [(name, value) for name, value in visit.typed.items() if name in names and value]


def statuses(attempts: list[Attempt]) -> dict[str, int]:
    return {attempt.url: attempt.status for attempt in attempts if attempt.status}


def more_open(form: ImportForm) -> bool:
    """Something in it is wrong, or is not what it would be by itself."""
    drawn = {name: form[name] for name in MORE if name in form.fields}
    return any(one.errors or str(one.value() or MORE[name]) != MORE[name] for name, one in drawn.items())


# --- the panel --------------------------------------------------------------------------------------
def panel(report: Report | None) -> dict[str, Any]:
    if report is None:
        waiting = [Row(Stage(name), str(words.STAGES[name])) for name in STAGES]
        return {"report": None, "rows": waiting}
    rows = [
        Row(
            stage,
            str(words.STAGES[stage.name]),
            words.stage_fact(stage),
            stage.failure.words if stage.failure and stage.failure.code not in words.EXPLAINED else "",
            words.failure_help(stage.failure, stage) if stage.failure else "",
        )
        for stage in report.stages.values()
    ]
    return {
        "report": report,
        "rows": rows,
        "bars": bars(report),
        "abilities": words.abilities(report.findings),
        "cost": words.cost_words(report),
    }


def bars(report: Report) -> list[Bar]:
    """Widths are milliseconds, but never under the floor."""
    found, x = [], 0
    for stage in report.stages.values():
        if stage.duration_ms is not None:
            width = max(FLOOR, stage.duration_ms)
            found.append(Bar(x, width, stage.state))
            x += width + GAP
    return found


# --- why a model is off -----------------------------------------------------------------------------
def whys(model: Model | None, endpoints: list[Endpoint]) -> list[Why]:
    if model is None or model.state == Model.State.CHECKING:
        return []
    down = [one.health_reason for one in endpoints if one.health == Endpoint.Health.DOWN and one.health_reason]
    if model.state == Model.State.DISABLED and model.state_reason and not down:
        down = [model.state_reason]
    return [why(reason) for reason in down]


def why(reason: str) -> Why:
    """`auth: HTTP 401: bad key · POST https://…` as its four parts."""
    found = REASON.match(reason)
    stage, status, said, url = found.groups() if found else (None, None, reason, None)
    label = words.REASON_STAGES.get(stage or "", words.STAGES["call"])
    return Why(str(label), status or "", said, url or "")
