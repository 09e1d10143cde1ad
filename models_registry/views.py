"""The catalogue's pages."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.money import NANO_PER_YUAN, MoneyError, yuan_to_nano
from accounts.paging import Page, page_number
from models_registry.catalogue import (
    CONTEXTS,
    KINDS,
    ORDERS,
    Entry,
    Wanted,
    entries_choose,
    entries_enabled,
    entry_visible,
    facets_of,
    price_ceiling_yuan,
)
from models_registry.comparison import COMPARED_MAX, best_of, entries_compared
from models_registry.models import Model
from models_registry.samples import example_call, samples_of, this_site

PAGE_SIZE = 50
SMALL_YUAN = 10  # below this the price slider goes by tenths
WORDS_MAX = 200
VIEWS = ("table", "cards")


@require_safe
@login_required
def catalogue(request: HttpRequest) -> HttpResponse:
    """The page; the found models alone where HTMX asks for them."""
    entries = entries_enabled()
    ceiling_yuan = price_ceiling_yuan(entries)
    wanted = wanted_parse(request.GET, ceiling_yuan)
    order, view = one_of(request.GET.get("sort", ""), ORDERS), one_of(request.GET.get("view", ""), VIEWS)
    request.GET = plain_query(request.GET, wanted)  # type: ignore[assignment]  # links on the page build on it
    is_fragment = bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    context = {
        "nav": "catalogue",
        "is_fragment": is_fragment,
        "total": len(entries),
        "page": page_of_list(entries_choose(entries, wanted, order), page_number(request)),
        "wanted": wanted,
        "facets": facets_of(entries, wanted),
        "ceiling_yuan": ceiling_yuan,
        "step_yuan": "1" if ceiling_yuan > SMALL_YUAN else "0.1",
        "price_yuan": request.GET["max_price"] if wanted.token_nano_max is not None else ceiling_yuan,
        "view": view or VIEWS[0],
        "sort": order,
        "compared": entries_compared(entries, request.GET.getlist("compare")),
        "compared_max": COMPARED_MAX,
    }
    template = "models_registry/catalogue_found.html" if is_fragment else "models_registry/catalogue.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    if is_fragment:
        query = request.GET.urlencode()
        response["HX-Push-Url"] = reverse("catalogue") + (f"?{query}" if query else "")
    return response


def page_of_list(found: list[Entry], number: int) -> Page[Any]:
    start = (number - 1) * PAGE_SIZE
    return Page(found[start : start + PAGE_SIZE], number, PAGE_SIZE, len(found) > start + PAGE_SIZE)


@require_safe
@login_required
def compare(request: HttpRequest) -> HttpResponse:
    """Models side by side: those the address names, whatever the catalogue's filters in it say."""
    compared = entries_compared(entries_enabled(), request.GET.getlist("compare"))
    context = {"nav": "catalogue", "compared": compared, "best": best_of(compared), "query": request.GET.urlencode()}
    return render(request, "models_registry/compare.html", context)


@require_safe
@login_required
def catalogue_model(request: HttpRequest, name: str) -> HttpResponse:
    assert isinstance(request.user, User)
    try:
        entry = entry_visible(name=name, is_admin=request.user.is_staff)
    except Model.DoesNotExist as error:
        raise Http404 from error
    call = example_call(entry.kind, entry.name, stream=True)
    samples = samples_of(call, this_site())
    return render(
        request, "models_registry/catalogue_model.html", {"nav": "catalogue", "model": entry, "samples": samples}
    )


# --- the query -------------------------------------------------------------------------------------
def one_of(text: str, allowed: Collection[str]) -> str:
    return text if text in allowed else ""


def wanted_parse(query: QueryDict, ceiling_yuan: int) -> Wanted:
    """What is no choice of ours asks for nothing."""
    context = query.get("context", "")
    return Wanted(
        words=query.get("q", "").strip()[:WORDS_MAX],
        kinds=frozenset(query.getlist("kind")) & frozenset(KINDS),
        series=frozenset(value for value in query.getlist("series") if value),
        token_nano_max=price_parse(query.get("max_price", ""), ceiling_yuan),
        context_min=next((least for least, _ in CONTEXTS if str(least) == context), 0),
        is_healthy=query.get("healthy") == "1",
    )


def price_parse(text: str, ceiling_yuan: int) -> int | None:
    """None at the slider's end, which lets everything pass, also what is not priced by tokens."""
    try:
        limit = yuan_to_nano(text)
    except MoneyError:
        return None
    return limit if limit < ceiling_yuan * NANO_PER_YUAN else None


def plain_query(query: QueryDict, wanted: Wanted) -> QueryDict:
    """The query without what asks for nothing: the address people copy."""
    plain = query.copy()
    for name in ("q", "sort", "context"):
        if not plain.get(name, "").strip():
            plain.pop(name, None)
    if plain.get("view") == VIEWS[0]:
        plain.pop("view")
    if wanted.token_nano_max is None:
        plain.pop("max_price", None)
    return plain
