"""The upstream's own list of models on the import page: read, shown with boxes to tick, imported.

The rows travel with the form, each as its kind and name, so that a list outlives whatever redraws the form.
"""

from collections.abc import Collection
from typing import NamedTuple

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError

from inference.probing.upstream_models import Listing, Tried
from inference.views.import_form import LIMITS, ImportForm, Shape
from inference.views.import_words import KINDS
from models_registry.documents import LimitsDocument, PriceDocument
from models_registry.importing.many import Imported
from models_registry.importing.upstream import Chosen, Connection, upstream_import
from models_registry.models import Endpoint, Model
from models_registry.services import RegistryError

SHOWN_MAX = 400  # two fields each, of the thousand that a form may have
FAULTS = {
    "models": gettext_lazy("没有导入：%(reason)s"),
    "price": gettext_lazy("第 4 步的价格不适用于所选的类型：%(reason)s"),
    "inference_url": gettext_lazy("推理 URL 不可用：%(reason)s"),
    "api_key": gettext_lazy("密钥不可用：%(reason)s"),
}


class Row(NamedTuple):
    name: str
    kind: str
    is_ticked: bool
    is_there: bool


class Listed(NamedTuple):
    """`source` is the vendor and the URL that were asked; `left_out` counts the models that are not shown."""

    source: str
    rows: list[Row]
    kinds: list[tuple[str, str]]
    tried: list[Tried]
    url: str = ""
    left_out: int = 0
    fault: str = ""
    prefix: str = ""
    is_priced: bool = False

    @property
    def ticked_count(self) -> int:
        return sum(row.is_ticked for row in self.rows)


def listed_found(listing: Listing, shape: Shape, query: str) -> Listed:
    """What the upstream has just answered."""
    found = [one for one in listing.models if query.lower() in one.name.lower()]
    shown = found[:SHOWN_MAX]
    there = names_there([one.name for one in shown], listing.base_url)
    rows = [Row(one.name, one.kind, False, one.name in there) for one in shown]
    return Listed(
        source_of(shape, listing.base_url), rows, kinds_of(shape), listing.tried, listing.url, len(found) - len(rows)
    )


def listed_again(request: HttpRequest, shape: Shape) -> Listed | None:
    """The list that came back with the form; another vendor's is gone."""
    source, rows = request.POST.get("listed_source", ""), chosen_rows(request)
    if not rows or source.partition(" ")[0] != shape.vendor.slug:
        return None
    ticked = set(request.POST.getlist("selected"))
    there = names_there([row.upstream_model for row in rows], source.partition(" ")[2])
    return Listed(
        source,
        [Row(row.upstream_model, row.kind, row.upstream_model in ticked, row.upstream_model in there) for row in rows],
        kinds_of(shape),
        [],
        prefix=request.POST.get("name_prefix", "")[:100],
        is_priced="listed_priced" in request.POST,
    )


def source_of(shape: Shape, base_url: str) -> str:
    return f"{shape.vendor.slug} {base_url}"


def kinds_of(shape: Shape) -> list[tuple[str, str]]:
    return [(kind, KINDS[kind]) for kind in shape.vendor.kinds]


def chosen_rows(request: HttpRequest) -> list[Chosen]:
    """Of `kind name` each."""
    pairs = (value.partition(" ") for value in request.POST.getlist("listed")[:SHOWN_MAX])
    return [Chosen(name, kind) for kind, _space, name in pairs if name]


def names_there(names: Collection[str], base_url: str) -> set[str]:
    """Upstream models that are served already: under their own name, or from this very address."""
    by_name = Model.objects.filter(name__in=names).values_list("name", flat=True)
    at_this = Endpoint.objects.filter(upstream_model__in=names, inference_url=base_url)
    return {*by_name, *at_this.values_list("upstream_model", flat=True)}


# --- importing --------------------------------------------------------------------------------------
def needed(form: ImportForm, *, is_priced: bool) -> list[str]:
    """The fields of the form that all chosen models share; what is wrong elsewhere is no matter."""
    wanted = {
        "inference_url",
        "api_key",
        "auth",
        "ca_certificates",
        *((*form.shape.prices, *LIMITS) if is_priced else ()),
    }
    for name in [name for name in form.errors if name not in wanted]:
        del form.errors[name]
    return list(form.errors)


def listed_import(request: HttpRequest, form: ImportForm, *, is_priced: bool, actor: str) -> Imported:
    """Raises RegistryError with words for the page."""
    cleaned, ticked = form.cleaned_data, set(request.POST.getlist("selected"))
    connection = Connection(
        vendor=form.shape.vendor.slug,
        inference_url=cleaned["inference_url"],
        auth=cleaned.get("auth") or form.shape.vendor.auths[0],
        ca_certificates=cleaned.get("ca_certificates", ""),
        api_key=form.effective_key(),
    )
    try:
        return upstream_import(
            connection=connection,
            chosen=[row for row in chosen_rows(request) if row.upstream_model in ticked],
            actor=actor,
            name_prefix=request.POST.get("name_prefix", "").strip()[:100],
            price=PriceDocument.model_validate(form.price(cleaned)) if is_priced else None,
            limits=LimitsDocument(**{name: cleaned.get(name) for name in LIMITS}) if is_priced else None,
        )
    except ValidationError as error:
        raise RegistryError(str(_("先填写第 4 步的价格"))) from error
    except RegistryError as error:
        if error.field == "models" and not ticked:
            raise RegistryError(_("没有选中模型")) from error
        raise RegistryError(FAULTS[error.field or "models"] % {"reason": error}) from error
