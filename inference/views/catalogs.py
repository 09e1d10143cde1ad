"""从价目表导入: a catalog of a vendor's document, its models ticked, one address and one key for all of them."""

from collections.abc import Collection
from typing import NamedTuple

from django import forms
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inference.views.guards import AdminRequest, admin_required
from inference.views.import_form import key_typed
from inference.views.import_words import KINDS, in_language
from inference.views.imported import imported_say
from inference.views.model_actions import bulk_enable
from models_registry.catalogs import CATALOGS, Catalog, CatalogModel, Words
from models_registry.importing.catalogs import catalog_import
from models_registry.models import Model
from models_registry.offers import Offer
from models_registry.services import RegistryError
from models_registry.vendors.base import Text

FAULTS = {
    "names": gettext_lazy("没有选中模型"),
    "inference_url": gettext_lazy("不是可用的 http(s) 地址，参考 %(example)s"),
    "name_prefix": gettext_lazy("名称里不能有空格、? 和 #"),
}


class CatalogForm(forms.Form):
    use_required_attribute = False

    inference_url = forms.CharField(label=gettext_lazy("推理 URL"), max_length=2000)
    api_key = forms.CharField(
        label="API Key",
        max_length=4000,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
    )
    name_prefix = forms.CharField(label=gettext_lazy("名称前缀"), max_length=100, required=False)

    def __init__(self, data: QueryDict | None = None, *, catalog: Catalog) -> None:
        super().__init__(data, initial={"inference_url": catalog.default_url})
        self.fields["inference_url"].error_messages["required"] = _("填写推理 URL")
        for name in ("inference_url", "name_prefix"):
            self.fields[name].widget.attrs.update(autocomplete="off", spellcheck="false")
        self.fields["inference_url"].widget.attrs["placeholder"] = catalog.base_url
        self.fields["name_prefix"].widget.attrs["placeholder"] = f"{catalog.slug}/"

    def clean_api_key(self) -> str:
        return key_typed(self.cleaned_data["api_key"])


class Line(NamedTuple):
    """A row of the table. `is_there`: a model of this very name exists."""

    model: CatalogModel
    kind: str
    offer: Offer | None
    words: str
    is_there: bool
    is_ticked: bool


class Group(NamedTuple):
    name: str
    lines: list[Line]


@admin_required
def model_catalogs(request: AdminRequest) -> HttpResponse:
    catalog = CATALOGS.get(request.GET.get("catalog", ""), next(iter(CATALOGS.values())))
    if request.method == "POST":
        return order(request, catalog)
    ticked = [model.name for model in catalog.models] if request.GET.get("tick") == "all" else []
    return page(request, catalog, CatalogForm(catalog=catalog), ticked)


def order(request: AdminRequest, catalog: Catalog) -> HttpResponse:
    form, ticked = CatalogForm(request.POST, catalog=catalog), request.POST.getlist("selected")
    if not form.is_valid():
        return page(request, catalog, form, ticked)
    try:
        done = catalog_import(catalog=catalog, names=ticked, actor=request.user.username, **form.cleaned_data)
    except RegistryError as error:
        field = error.field or "names"
        example = catalog.default_url or "https://example.com/v1"
        form.add_error(None if field == "names" else field, str(FAULTS[field]) % {"example": example})
        return page(request, catalog, form, ticked)
    imported_say(request, done, will_enable="enable" in request.POST)
    return bulk_enable(request, done.models) if done.models and "enable" in request.POST else redirect("models")


def page(request: AdminRequest, catalog: Catalog, form: CatalogForm, ticked: Collection[str]) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:200]
    context = {
        "nav": "import",
        "catalog": catalog,
        "tabs": [(one.slug, words_of(one.label), len(one.models)) for one in CATALOGS.values()],
        "label": words_of(catalog.label),
        "note": words_of(catalog.note),
        "form": form,
        "query": query,
        "groups": groups_of(catalog, query.lower(), ticked),
        "ticked_count": len(ticked),
        "sample": [model.name for model in catalog.models[:2]],
    }
    return render(request, "inference/catalogs.html", context)


def groups_of(catalog: Catalog, query: str, ticked: Collection[str]) -> list[Group]:
    """What is ticked stays in view, whatever is searched for: else it would be lost with the form."""
    names = [model.name for model in catalog.models]
    there = set(Model.objects.filter(name__in=names).values_list("name", flat=True))
    groups = []
    for series in catalog.series:
        lines = [line(model, there, ticked) for model in series.models]
        if found := [one for one in lines if one.is_ticked or query in f"{one.model.name} {one.words}".lower()]:
            groups.append(Group(words_of(series.label), found))
    return groups


def line(model: CatalogModel, there: Collection[str], ticked: Collection[str]) -> Line:
    offer = Offer(**model.price.columns()) if model.price else None
    told = [Words(zh=model.title, en=""), Words(zh=model.says, en=""), model.note]  # the document speaks Chinese
    words = " · ".join(text for one in told if one and (text := words_of(one)))
    return Line(model, KINDS[model.kind], offer, words, model.name in there, model.name in ticked)


def words_of(words: Words) -> str:
    return in_language(Text(words.zh, words.en))
