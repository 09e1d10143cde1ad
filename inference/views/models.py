"""模型管理: the admin's list of models."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET
from django_htmx.http import trigger_client_event

from accounts.paging import page_number, page_of
from inference.reasons import reason_short
from inference.services import enabling_continue
from inference.views.guards import AdminRequest, admin_required
from models_registry.export import registry_csv, registry_yaml
from models_registry.models import Model
from models_registry.rows import ModelRow, model_rows
from models_registry.selectors import (
    ModelFilter,
    kind_counts,
    model_totals,
    models_found,
    models_visible,
    vendors_used,
)

PAGE_SIZE = 50
HEALTH_WORDS = {
    "up": gettext_lazy("正常"),
    "degraded": gettext_lazy("降级"),
    "down": gettext_lazy("不可用"),
    "unknown": gettext_lazy("未探测"),
}
STATE_WORDS = {"on": gettext_lazy("已启用"), "off": gettext_lazy("已停用")}


@require_GET
@admin_required
def models(request: AdminRequest) -> HttpResponse:
    wanted = filter_of(request)
    counts = kind_counts(user=request.user, wanted=wanted)
    if not wanted.kind:
        wanted = wanted.of_kind(first_kind(counts))
    page = page_of(models_found(user=request.user, wanted=wanted), page_number(request), PAGE_SIZE)
    context: dict[str, Any] = {
        "nav": "models",
        "wanted": wanted,
        "tabs": [(kind, label, counts[kind]) for kind, label in Model.Kind.choices],
        "count": counts[wanted.kind],
        "elsewhere": sum(counts.values()) - counts[wanted.kind],
        "page": page,
        "rows": model_rows(models=page.rows),
        "totals": model_totals(),
    }
    # Going back in the browser asks by htmx too, and wants the whole page.
    is_part = bool(request.htmx) and not request.htmx.history_restore_request
    if not is_part:
        context |= {"vendors": vendors_used(), "health_words": HEALTH_WORDS, "state_words": STATE_WORDS}
    response = render(request, f"inference/models{'_part' if is_part else ''}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def filter_of(request: HttpRequest) -> ModelFilter:
    """What the address asks for; words that mean nothing narrow nothing."""
    given = request.GET

    def one_of(name: str, allowed: Any) -> str:
        value: str = given.get(name, "")
        return value if value in allowed else ""

    return ModelFilter(
        kind=one_of("kind", Model.Kind.values),
        query=given.get("q", "")[:200].strip(),
        vendor=given.get("vendor", "")[:40].replace("\x00", ""),
        health=one_of("health", HEALTH_WORDS),
        state=one_of("state", STATE_WORDS),
    )


def first_kind(counts: dict[str, int]) -> str:
    """Nobody is shown an empty tab while another has what they look for."""
    return next((kind for kind, count in counts.items() if count), Model.Kind.LLM.value)


# --- one row -----------------------------------------------------------------------------------------
@require_GET
@admin_required
def model_row(request: AdminRequest, model_id: int) -> HttpResponse:
    """What a row asks for while its model is checked. A model that is gone takes its row with it."""
    model = models_visible(user=request.user).filter(pk=model_id).first()
    if model is None:
        return HttpResponse("")
    if model.state == Model.State.CHECKING:
        enabling_continue(model=model)
        model.refresh_from_db()
    response = row_response(request, model)
    if request.GET.get("was") != "checking" or model.state == Model.State.CHECKING:
        return response
    if model.state == Model.State.ENABLED:
        return toasted(response, _("已启用 %(name)s") % {"name": model.name})
    if not model.state_reason:  # an admin changed their mind meanwhile
        return response
    words = {"name": model.name, "short": reason_short(model.state_reason), "reason": model.state_reason}
    return toasted(response, _("%(name)s 未能启用：%(short)s。%(reason)s") % words, is_bad=True)


def row_response(request: HttpRequest, model: Model) -> HttpResponse:
    (row,) = model_rows(models=[model])
    return render(request, "inference/models_row.html", {"row": row})


def toasted(response: HttpResponse, text: str, *, is_bad: bool = False) -> HttpResponse:
    return trigger_client_event(response, "toast", {"text": text, "bad": is_bad})


# --- export ------------------------------------------------------------------------------------------
@require_GET
@admin_required
def models_export(request: AdminRequest) -> HttpResponse:
    """Every model as `registry_apply` reads it, without keys."""
    return download(registry_yaml(rows=all_rows()), "application/yaml", "models.yaml")


@require_GET
@admin_required
def models_export_csv(request: AdminRequest) -> HttpResponse:
    """The same for spreadsheets."""
    return download(registry_csv(rows=all_rows()), "text/csv", "models.csv")


def all_rows() -> list[ModelRow]:
    return model_rows(models=Model.objects.order_by("kind", "name"))


def download(text: str, content_type: str, filename: str) -> HttpResponse:
    response = HttpResponse(text, content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["Cache-Control"] = "no-store"
    return response
