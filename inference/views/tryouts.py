"""体验中心 beside chat: texts to a model of another kind, through the relay and the bill of the API."""

import secrets
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.paging import page_number, page_of
from accounts.selectors import workspace_personal
from billing.selectors import balance_of
from inference.models import Tryout
from inference.playground.kinds import TRIED, TriedKind, api_body, example_body, tab_of
from inference.playground.runs import body_quote
from inference.playground.selectors import choices_of_kind, tabs_shown, tryouts_visible
from inference.playground.tryout_forms import TryoutForm
from inference.playground.tryouts import tryout_claim, tryout_delete, tryout_make
from inference.views.playground import HISTORY_PAGE, user_of
from models_registry.models import Model
from models_registry.samples import quoted, samples_of, this_site
from models_registry.vendors.base import Json


def tried_or_404(kind: str) -> TriedKind:
    if kind not in TRIED:
        raise Http404
    return TRIED[kind]


def tryout_of(request: HttpRequest, kind: str, pk: int) -> Tryout:
    """Raises Http404 for what is not this user's."""
    tried_or_404(kind)
    return get_object_or_404(tryouts_visible(user=user_of(request), kind=kind), pk=pk)


# --- the page ----------------------------------------------------------------------------------------
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tryouts(request: HttpRequest, kind: str) -> HttpResponse:
    if request.method == "POST":
        return send(request, kind)
    values = TRIED[kind].form.fields_of(example_body(kind)) if "example" in request.GET else {}
    return page(request, kind, {**values, "model": request.GET.get("model", "")})


@login_required
@require_GET
def tryout(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """What was typed and what came of it: reloading it calls nothing."""
    found = tryout_of(request, kind, pk)
    return page(request, kind, values_of(found.kind, found.body), found)


def values_of(kind: str, body: Json) -> dict[str, Any]:
    return {**TRIED[kind].form.fields_of(body), "model": body["model"]}


def page(
    request: HttpRequest, kind: str, values: dict[str, Any], made: Tryout | None = None, error: str = ""
) -> HttpResponse:
    """`error` is why a sent form could not be taken; `values` are then as they were typed."""
    choices = choices_of_kind(kind=kind)
    names = [choice.name for choice in choices]
    context = {
        "nav": "playground",
        "kind": kind,
        "kinds": tabs_shown(kind=kind),
        "tab": tab_of(kind),
        "choices": choices,
        "values": {**values, "model": values.get("model") or next(iter(names), "")},
        "is_gone": bool(made and made.model not in names),
        "error": error,
        "megabytes": f"{settings.MAX_BODY_MB:g}",
        "key": key_make(),
        "call_path": f"/v1{TRIED[kind].path}",
        "call_body": quoted(api_body(kind, next(iter(names), "MODEL"))),
        **(shown(request, made) if made else {}),
    }
    return render(request, "inference/playground_tryouts.html", context, status=422 if error else 200)


def key_make() -> str:
    return secrets.token_urlsafe(16)


def shown(request: HttpRequest, made: Tryout) -> dict[str, Any]:
    """A tryout as its template shows it, with the balance that it changed."""
    is_done = made.state == Tryout.State.DONE
    return {
        "tryout": made,
        "found": TRIED[made.kind].show(made.body, made.found) if is_done else None,
        "balance": balance_of(workspace=workspace_personal(user=user_of(request))),
    }


# --- sending -----------------------------------------------------------------------------------------
def send(request: HttpRequest, kind: str) -> HttpResponse:
    """A form. htmx gets its result, a plain form the page that shows it; both wait for the call's end."""
    form = TRIED[kind].form(request.POST, request.FILES)
    if not form.is_valid():
        return refused(request, kind, form)
    made, is_new = tryout_claim(user=user_of(request), kind=kind, page_key=form.cleaned_data["key"], body=form.body)
    if is_new:
        async_to_sync(tryout_make)(made, form.picture)
        made.refresh_from_db()
    if not request.headers.get("HX-Request"):
        return redirect("playground_tryout", kind=kind, pk=made.pk)
    response = part(request, made)
    response["HX-Push-Url"] = reverse("playground_tryout", args=[kind, made.pk])
    return response


def refused(request: HttpRequest, kind: str, form: TryoutForm) -> HttpResponse:
    if request.headers.get("HX-Request"):
        response = render(request, "inference/playground_refused.html", {"error": form.first_error}, status=422)
        response["HX-Retarget"], response["HX-Reswap"] = "#tryout-error", "innerHTML"
        return response
    return page(request, kind, request.POST.dict(), error=form.first_error)


def part(request: HttpRequest, made: Tryout) -> HttpResponse:
    return render(request, "inference/playground_tried.html", {**shown(request, made), "key": key_make()})


@login_required
@require_GET
def result(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """For a page whose call was another's to make."""
    return part(request, tryout_of(request, kind, pk))


# --- history ------------------------------------------------------------------------------------------
@login_required
@require_GET
def history(request: HttpRequest, kind: str) -> HttpResponse:
    """What a user has tried of a kind, the newest first."""
    tried = tried_or_404(kind)
    found = page_of(tryouts_visible(user=user_of(request), kind=kind), page_number(request), HISTORY_PAGE)
    rows = [(one, tried.form.title_of(one.body)) for one in found.rows]
    template = "playground_tryout_drawer" if request.headers.get("HX-Request") else "playground_tryout_history"
    context = {"nav": "playground", "kind": kind, "tab": tab_of(kind), "page": found, "tried": rows}
    return render(request, f"inference/{template}.html", context)


@login_required
@require_POST
def delete(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    tryout_delete(tryout=tryout_of(request, kind, pk))
    return redirect("playground_tryout_history", kind=kind)


# --- beside it ---------------------------------------------------------------------------------------
@login_required
@require_POST
def code(request: HttpRequest, kind: str) -> HttpResponse:
    """The present fields as code; where they make no call yet, an example."""
    tried = tried_or_404(kind)
    form = tried.form(request.POST, request.FILES)
    model = request.POST.get("model") or "MODEL"
    body = form.body if form.is_valid() else {"model": model, **example_body(kind)}
    samples = samples_of(tried.call(body), this_site())
    template = "playground_code_drawer" if request.headers.get("HX-Request") else "playground_code"
    return render(request, f"inference/{template}.html", {"nav": "playground", "samples": samples, "model": model})


@login_required
@require_POST
def estimate(request: HttpRequest, kind: str) -> HttpResponse:
    """What the present fields would hold, which the upstream's own count may pass; for a picture what a page costs."""
    tried = tried_or_404(kind)
    model = request.POST.get("model", "")
    form = tried.form(request.POST)
    body = {"model": model, "file": b""} if kind == Model.Kind.OCR else form.is_valid() and form.body
    quote = body_quote(body, tried.operation) if body else None
    context = {"max_nano": quote.max_nano if quote else None, "is_by_page": kind == Model.Kind.OCR, "is_about": True}
    return render(request, "inference/playground_estimate.html", context)
