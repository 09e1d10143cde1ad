"""模型管理: what an admin does to models, one by one or several at once.

Each works as a plain form, answered by a redirect and a message. Over HTMX it is answered by the row as it is now;
a refusal is a 409 whose sentence stands in X-Error, and the switch goes back.
"""

from collections.abc import Callable
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh, trigger_client_event

from inference.reasons import reason_short
from inference.services import model_test
from inference.views.guards import AdminRequest, admin_required
from inference.views.models import row_response, toasted
from models_registry.models import Model
from models_registry.selectors import models_visible
from models_registry.services import (
    RegistryError,
    enabling_request,
    model_disable,
    models_delete,
    models_disable,
    probes_request,
)

SELECTED_MAX = 1000


# --- one model ---------------------------------------------------------------------------------------
@require_POST
@admin_required
def enable(request: AdminRequest, model_id: int) -> HttpResponse:
    model = models_visible(user=request.user).filter(pk=model_id).first()
    if model is None:
        return refused(request, gone(), 404)
    try:
        enabling_request(model=model, actor=request.user.username)
    except RegistryError as error:
        return refused(request, refusal(error), 409)
    return done(request, model, _("正在探测 %(name)s，通过后启用") % {"name": model.name}, is_said=False)


@require_POST
@admin_required
def disable(request: AdminRequest, model_id: int) -> HttpResponse:
    model = models_visible(user=request.user).filter(pk=model_id).first()
    if model is None:
        return refused(request, gone(), 404)
    model_disable(model=model, actor=request.user.username)
    return done(request, model, _("已停用 %(name)s") % {"name": model.name}, is_said=False)


@require_POST
@admin_required
def test(request: AdminRequest, model_id: int) -> HttpResponse:
    """Probes every endpoint of the model before it answers, some seconds at most."""
    model = models_visible(user=request.user).filter(pk=model_id).first()
    if model is None:
        return refused(request, gone(), 404)
    results = [result for _endpoint, result in model_test(model=model)]
    failed = [result for result in results if not result.answered]
    if not results:
        return refused(request, _("没有端点可以探测"), 409)
    if failed:
        words = {"name": model.name, "short": reason_short(failed[0].reason), "reason": failed[0].reason}
        text = _("%(name)s 探测未通过：%(short)s。%(reason)s") % words
    else:
        fastest = min(result.duration_ms for result in results)
        text = _("%(name)s 探测通过，%(ms)s ms") % {"name": model.name, "ms": f"{fastest:,}"}
    return done(request, model, text, is_bad=bool(failed))


@require_POST
@admin_required
def delete(request: AdminRequest, model_id: int) -> HttpResponse:
    """Asks; the answer goes to `bulk`."""
    model = models_visible(user=request.user).filter(pk=model_id).first()
    return ask(request, "delete", [model]) if model else refused(request, gone(), 404)


def gone() -> str:
    return _("这个模型已被删除")


def refusal(error: RegistryError) -> str:
    words = {"price": _("未定价，不能启用"), "endpoints": _("没有端点，不能启用")}
    return words.get(error.field or "", str(error))


def done(request: AdminRequest, model: Model, text: str, *, is_bad: bool = False, is_said: bool = True) -> HttpResponse:
    """The row, with a toast where the row itself does not show what happened; or back to the list."""
    if not request.htmx:
        (messages.error if is_bad else messages.success)(request, text)
        return back(request)
    model.refresh_from_db()
    response = row_response(request, model)
    return toasted(response, text, is_bad=is_bad) if is_said else response


def refused(request: AdminRequest, sentence: str, status: int) -> HttpResponse:
    if not request.htmx:
        messages.error(request, sentence)
        return back(request)
    return HttpResponse(sentence, status=status, headers={"X-Error": quote(sentence)})


def back(request: HttpRequest) -> HttpResponse:
    """To the list as it was, which the form names in `next`."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = reverse("models")
    return HttpResponseRedirect(target)


# --- several -----------------------------------------------------------------------------------------
@require_POST
@admin_required
def bulk(request: AdminRequest) -> HttpResponse:
    """`action` for the models `selected`; disabling and deleting are asked about first."""
    action, chosen = request.POST.get("action", ""), selected(request)
    if action == "probe_all":
        return bulk_probe(request, list(models_visible(user=request.user).filter(state=Model.State.ENABLED)))
    if not action:
        return back(request)
    if action not in BULK:
        return refused(request, _("没有这样的操作"), 400)
    if not chosen:
        return refused(request, _("没有选中模型"), 409)
    if action in ASKED and "confirmed" not in request.POST:
        return ask(request, action, chosen)
    return BULK[action](request, chosen)


def selected(request: AdminRequest) -> list[Model]:
    ids = [int(text) for text in request.POST.getlist("selected")[:SELECTED_MAX] if text.isdecimal() and len(text) < 19]
    return list(models_visible(user=request.user).filter(pk__in=ids).order_by("name"))


def ask(request: AdminRequest, action: str, chosen: list[Model]) -> HttpResponse:
    """Says what would happen to how many, as a dialog or as a page of its own."""
    context = {
        "nav": "models",
        "action": action,
        "chosen": chosen,
        "shown": chosen[:8],
        "more": max(0, len(chosen) - 8),
        "serving": sum(model.state == Model.State.ENABLED for model in chosen),
        "next": request.POST.get("next", ""),
    }
    return render(request, f"inference/models_ask{'' if request.htmx else '_page'}.html", context)


def bulk_enable(request: AdminRequest, chosen: list[Model]) -> HttpResponse:
    begun, unmet = 0, []
    for model in chosen:
        try:
            enabling_request(model=model, actor=request.user.username)
        except RegistryError as error:
            unmet.append(_("%(name)s（%(reason)s）") % {"name": model.name, "reason": refusal(error)})
        else:
            begun += model.state == Model.State.DISABLED
    if begun:
        words = ngettext("正在探测 %(count)d 个模型，通过后启用", "正在探测 %(count)d 个模型，通过后启用", begun)
        messages.success(request, words % {"count": begun})
    if unmet:
        messages.error(request, _("未启用：%(names)s") % {"names": _("、").join(unmet[:8])})
    if not begun and not unmet:
        messages.success(request, _("选中的模型都已启用"))
    return moved_on(request)


def bulk_disable(request: AdminRequest, chosen: list[Model]) -> HttpResponse:
    count = models_disable(models=chosen, actor=request.user.username)
    messages.success(request, ngettext("已停用 %(count)d 个模型", "已停用 %(count)d 个模型", count) % {"count": count})
    return moved_on(request)


def bulk_delete(request: AdminRequest, chosen: list[Model]) -> HttpResponse:
    count = len(models_delete(models=chosen, actor=request.user.username))
    messages.success(request, ngettext("已删除 %(count)d 个模型", "已删除 %(count)d 个模型", count) % {"count": count})
    return moved_on(request)


def bulk_probe(request: AdminRequest, chosen: list[Model]) -> HttpResponse:
    """A worker probes them within some seconds; those that are off are not probed by it."""
    count = probes_request(models=chosen)
    if not count:
        return refused(request, _("没有已启用的模型可以探测"), 409)
    text = ngettext("正在探测 %(count)d 个模型", "正在探测 %(count)d 个模型", count) % {"count": count}
    if off := len(chosen) - count:
        text += ngettext("，%(count)d 个已停用的不探测", "，%(count)d 个已停用的不探测", off) % {"count": off}
    if not request.htmx:
        messages.success(request, text)
        return back(request)
    response = trigger_client_event(HttpResponse(status=204), "rows-probed", {})
    return toasted(response, text)


def moved_on(request: AdminRequest) -> HttpResponse:
    """The list anew: rows, counts and tabs may all have changed."""
    return HttpResponseClientRefresh() if request.htmx else back(request)


ASKED = {"disable", "delete"}
BULK: dict[str, Callable[[AdminRequest, list[Model]], HttpResponse]] = {
    "enable": bulk_enable,
    "disable": bulk_disable,
    "delete": bulk_delete,
    "probe": bulk_probe,
}
