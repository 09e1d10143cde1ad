"""导入模型, and editing a model: one form for both.

Every button posts the whole form with `do`; the same answer is a fragment for HTMX and a page without it. Nothing
is written before `save` or `enable`.
"""

import re
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from inference.probing.staged import staged_probe
from inference.probing.upstream_models import upstream_models
from inference.services import model_enable
from inference.views.guards import AdminRequest, admin_required
from inference.views.import_form import ImportForm
from inference.views.import_listed import listed_again, listed_found, listed_import, needed
from inference.views.import_page import page_context
from inference.views.import_paste import changes_of, pasted_of
from inference.views.import_visit import Visit
from inference.views.imported import imported_say
from models_registry.importing.curl import curl_learn
from models_registry.importing.drafts import (
    NameTaken,
    endpoint_remove,
    model_change,
)
from models_registry.importing.drafts import (
    model_import as model_import_new,
)
from models_registry.models import Endpoint, Model
from models_registry.services import RegistryError, model_disable


# --- the pages --------------------------------------------------------------------------------------
@admin_required
def model_import(request: AdminRequest) -> HttpResponse:
    return answer(Visit(request, None))


@admin_required
def model_edit(request: AdminRequest, model_id: int) -> HttpResponse:
    return answer(Visit(request, get_object_or_404(Model, pk=model_id)))


@admin_required
def model_copy(request: AdminRequest, model_id: int) -> HttpResponse:
    """The import form with what another model has; its key goes along unseen, to the host it was given for."""
    return answer(Visit(request, None, source=get_object_or_404(Model, pk=model_id)))


def answer(visit: Visit) -> HttpResponse:
    if visit.request.method != "POST":
        return page(visit, "inference/import.html", visit.form_new())
    if "remove" in visit.request.POST:
        return remove(visit)
    return ACTIONS.get(visit.request.POST.get("do", ""), redraw)(visit)


def page(visit: Visit, template: str, form: ImportForm, **more: Any) -> HttpResponse:
    """The fragment for HTMX, the page for everybody else."""
    name = template if visit.is_htmx else "inference/import.html"
    return render(visit.request, name, page_context(visit, form) | more)


# --- what the buttons do ----------------------------------------------------------------------------
def redraw(visit: Visit) -> HttpResponse:
    """Another vendor or kind: other fields, and what was typed stays. What was probed was another thing."""
    return page(visit, "inference/import_fields.html", visit.form_typed(), resets=True)


def reprice(visit: Visit) -> HttpResponse:
    """Another unit of the price: what was probed still holds."""
    return page(visit, "inference/import_fields.html", visit.form_typed(), refused=True)


def adopt(visit: Visit) -> HttpResponse:
    """The suggested URL becomes the typed one."""
    better = visit.advice(visit.form_typed()).suggestion
    form = visit.form_typed(inference_url=better) if better else visit.form_typed()
    return page(visit, "inference/import_fields.html", form)


def unencrypted(visit: Visit) -> HttpResponse:
    """What the probe found and no look at the URL can: the port speaks http."""
    url = re.sub(r"\Ahttps:", "http:", visit.typed.get("inference_url", "").strip(), flags=re.IGNORECASE)
    return page(visit, "inference/import_fields.html", visit.form_typed(inference_url=url))


def paste(visit: Visit) -> HttpResponse:
    """A curl command fills what it speaks of; all else stays as it was typed."""
    learned = curl_learn(visit.typed.get("curl", ""))
    form = visit.form_typed(**changes_of(learned, visit.typed))
    lost = bool(visit.typed.get("api_key")) and not visit.is_htmx and not learned.api_key
    more = {"pasted": pasted_of(learned), "pasted_key": learned.api_key, "key_lost": lost, "resets": True}
    return page(visit, "inference/import_fields.html", form, **more)


def advise(visit: Visit) -> HttpResponse:
    return page(visit, "inference/import_doctor.html", visit.form_typed())


def missing(visit: Visit) -> HttpResponse:
    """What is still needed before the model can be enabled."""
    form = visit.form_typed()
    return page(visit, "inference/import_missing.html", form, missing=visit.form_checked().missing())


def probe(visit: Visit) -> HttpResponse:
    """The form stays as it is; nothing is written."""
    visit.report = staged_probe(visit.form_checked().draft())
    return page(visit, "inference/import_probed.html", visit.form_typed())


def list_upstream(visit: Visit) -> HttpResponse:
    """What the upstream itself says it serves. Where the list was found elsewhere, the URL follows."""
    listing = upstream_models(visit.form_checked(needs_price=False).draft())
    form = visit.form_typed(**({"inference_url": listing.base_url} if listing.base_url else {}))
    listed = listed_found(listing, visit.shape, visit.typed.get("listed_query", "").strip())
    lost = bool(visit.typed.get("api_key")) and not visit.is_htmx
    return page(visit, "inference/import_fields.html", form, listed=listed, key_lost=lost)


def take(visit: Visit) -> HttpResponse:
    """The ticked ones, all or none; the rest of the form has no say in it."""
    is_priced = "listed_priced" in visit.request.POST
    form, listed = visit.form_checked(needs_price=is_priced), listed_again(visit.request, visit.shape)
    if not needed(form, is_priced=is_priced):
        try:
            done = listed_import(visit.request, form, is_priced=is_priced, actor=visit.user.username)
        except RegistryError as error:
            listed = listed and listed._replace(fault=str(error))
        else:
            imported_say(visit.request, done)
            return visit.redirect(list_with(done.models[0]) if done.models else reverse("models"))
    form.focus_mistake()
    lost = bool(visit.typed.get("api_key")) and not visit.is_htmx
    return page(visit, "inference/import_fields.html", form, listed=listed, key_lost=lost)


def save(visit: Visit) -> HttpResponse:
    return save_then(visit, enable=False)


def enable(visit: Visit) -> HttpResponse:
    return save_then(visit, enable=True)


def save_then(visit: Visit, *, enable: bool) -> HttpResponse:
    form = visit.form_checked(needs_price=enable)
    if form.errors:
        return refused(visit, form)
    try:
        model, endpoint = write(visit, form)
    except NameTaken:
        form.add_error("name", _("名称已被占用，换一个名称，或到模型管理中编辑已有的模型"))
        return refused(visit, form)
    except RegistryError:
        raise Http404 from None  # deleted in another tab
    if not enable:
        model_disable(model=model, actor=visit.user.username)
        messages.success(visit.request, _("已保存 %(name)s，未启用") % {"name": model.name})
        return visit.redirect(list_with(model))
    return enabled(visit, model, endpoint)


def refused(visit: Visit, form: ImportForm) -> HttpResponse:
    lost = bool(visit.typed.get("api_key")) and not visit.is_htmx
    form.focus_mistake()
    more = {"missing": form.missing(), "refused": True, "key_lost": lost}
    return page(visit, "inference/import_fields.html", form, **more)


def write(visit: Visit, form: ImportForm) -> tuple[Model, Endpoint]:
    """Raises RegistryError."""
    document, actor = form.document(), visit.user.username
    if visit.model is None:
        draft = visit.typed.get("draft", "")[:40]
        model = model_import_new(
            document=document, actor=actor, draft=draft, source=visit.endpoint, keeps_key=form.keeps_key
        )
        return model, model.endpoints.earliest("id")
    endpoint = model_change(
        model=visit.model, document=document, endpoint=visit.endpoint, keeps_key=form.keeps_key, actor=actor
    )
    return visit.model, endpoint


def enabled(visit: Visit, model: Model, endpoint: Endpoint) -> HttpResponse:
    """As the command does it. A model that does not answer is kept, off, and its page says why."""
    try:
        reason = model_enable(model=model, actor=visit.user.username)
    except RegistryError as error:
        reason = str(error)
    if reason:
        words = _("%(name)s 已保存，未能启用，原因见页面顶部")
        model.refresh_from_db()
        if model.state == Model.State.ENABLED:
            words = _("%(name)s 已保存，仍在服务，但端点没有通过探测")
        messages.error(visit.request, words % {"name": model.name})
        return visit.redirect(f"{reverse('model_edit', args=[model.pk])}?endpoint={endpoint.pk}")
    messages.success(visit.request, _("已启用 %(name)s") % {"name": model.name})
    return visit.redirect(list_with(model))


def list_with(model: Model) -> str:
    """Where the model is in view: each kind has a tab of its own."""
    return f"{reverse('models')}?kind={model.kind}"


def remove(visit: Visit) -> HttpResponse:
    """An endpoint, never the last one. Nothing else of the form is looked at."""
    wanted = visit.request.POST["remove"]
    endpoint = next((one for one in visit.endpoints if str(one.pk) == wanted), None)
    if visit.model is None:
        return redraw(visit)
    if endpoint is not None:  # else another tab was quicker
        try:
            endpoint_remove(endpoint=endpoint, actor=visit.user.username)
        except RegistryError:
            messages.error(visit.request, _("这是最后一个端点，不能删除。可以修改它，或删除整个模型。"))
        else:
            messages.success(visit.request, _("已删除端点 %(url)s") % {"url": endpoint.inference_url})
    return visit.redirect(reverse("model_edit", args=[visit.model.pk]))


ACTIONS: dict[str, Callable[[Visit], HttpResponse]] = {
    "redraw": redraw,
    "reprice": reprice,
    "adopt": adopt,
    "unencrypted": unencrypted,
    "paste": paste,
    "advise": advise,
    "missing": missing,
    "probe": probe,
    "list": list_upstream,
    "take": take,
    "save": save,
    "enable": enable,
}
