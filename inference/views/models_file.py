"""批量导入: a models file, YAML or CSV, first compared with what is served, then applied all or none.

Between the two the file is carried by the page, sealed: it may hold keys.
"""

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRedirect

from inference.views.guards import AdminRequest, admin_required
from inference.views.import_words import KINDS
from inference.views.models import download
from models_registry.documents import DocumentError
from models_registry.importing.bulk import (
    TEXT_MAX,
    Plan,
    PlanRow,
    PlanWrong,
    Status,
    bulk_apply,
    bulk_plan,
    bulk_read,
    text_decoded,
)
from models_registry.importing.tables import COLUMNS, NEEDED, template_write
from models_registry.secret import SecretUnreadable, seal, unseal

SEAL = "models-file"
AGE_S_MAX = 3600
STATUSES: dict[Status, tuple[Any, str]] = {
    "new": (gettext_lazy("新增"), "ok"),
    "changed": (gettext_lazy("更新"), "accent"),
    "unchanged": (gettext_lazy("不变"), ""),
    "wrong": (gettext_lazy("有误"), "bad"),
}
CHANGES = {
    "kind": gettext_lazy("类型"),
    "limits": gettext_lazy("限流"),
    "stream_only": gettext_lazy("上游仅支持流式"),
    "context_length": gettext_lazy("上下文长度"),
    "max_output_tokens": gettext_lazy("最大输出"),
    "price": gettext_lazy("价格"),
    "endpoints": gettext_lazy("端点"),
    "api_key": "API Key",
}


@admin_required
def models_file(request: AdminRequest) -> HttpResponse:
    if request.method != "POST":
        return page(request)
    return confirm(request) if "sealed" in request.POST else preview(request)


def preview(request: AdminRequest) -> HttpResponse:
    """Nothing is written."""
    try:
        text = text_given(request)
        plan = bulk_plan(entries=bulk_read(text))
    except DocumentError as error:
        return page(request, fault=str(error))
    return page(request, plan=plan, sealed=seal(f"{SEAL} {request.user.pk}\n{text}") if plan.is_right else "")


def text_given(request: AdminRequest) -> str:
    """The uploaded file, or what was pasted. Raises DocumentError."""
    given = request.FILES.get("file")
    if not isinstance(given, UploadedFile):
        return str(request.POST.get("text", ""))
    if (given.size or 0) > 4 * TEXT_MAX:
        raise DocumentError(f"the file is longer than {TEXT_MAX:,} characters; split it")
    return text_decoded(given.read())


def confirm(request: AdminRequest) -> HttpResponse:
    """The file that was shown, and only by who saw it."""
    try:
        head, _line, text = unseal(request.POST["sealed"], age_s_max=AGE_S_MAX).partition("\n")
        if head != f"{SEAL} {request.user.pk}":
            raise SecretUnreadable
        plan = bulk_apply(text=text, actor=request.user.username)
    except SecretUnreadable:
        return page(request, fault=_("预览已过期，重新上传"))
    except DocumentError as error:
        return page(request, fault=str(error))
    except PlanWrong as wrong:  # others changed something meanwhile
        return page(request, plan=wrong.plan)
    counts = {"new": plan.count("new"), "changed": plan.count("changed"), "unchanged": plan.count("unchanged")}
    messages.success(request, _("已导入：新增 %(new)d，更新 %(changed)d，不变 %(unchanged)d") % counts)
    to = reverse("models")
    return HttpResponseClientRedirect(to) if request.htmx else redirect(to)


def page(request: AdminRequest, *, plan: Plan | None = None, sealed: str = "", fault: str = "") -> HttpResponse:
    context = {
        "nav": "import",
        "columns": [(name, name in NEEDED) for name in COLUMNS],
        "plan": plan,
        "rows": [shown(row) for row in plan.rows] if plan else [],
        "sums": [(word, tone, plan.count(status)) for status, (word, tone) in STATUSES.items()] if plan else [],
        "sealed": sealed,
        "fault": fault,
    }
    return render(request, f"inference/models_file{'_plan' if request.htmx else ''}.html", context)


def shown(row: PlanRow) -> dict[str, object]:
    word, tone = STATUSES[row.status]
    changes = [str(CHANGES.get(name, name)) for name in row.changes]
    return {"row": row, "kind": KINDS.get(row.kind, row.kind), "word": word, "tone": tone, "changes": changes}


@require_GET
@admin_required
def models_template(request: AdminRequest) -> HttpResponse:
    """A row of each kind, to begin with."""
    return download("\ufeff" + template_write(), "text/csv", "models-template.csv")
