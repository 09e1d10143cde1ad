"""One request for the import form."""

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django_htmx.http import HttpResponseClientRedirect

from inference.views.guards import AdminRequest
from inference.views.import_form import ImportForm, Shape, first_url, initial_new, initial_saved, shape_of
from models_registry.importing.duplicates import name_free
from models_registry.importing.url_doctor import Advice, url_advise
from models_registry.models import Endpoint, Model
from models_registry.vendors import VENDORS

if TYPE_CHECKING:
    from inference.probing.report import Report


class Visit:
    """Who, which model and endpoint, and what was typed.

    `source` is the model that a new one is copied from; then `endpoint` is the one of it that the form shows.
    """

    def __init__(self, request: AdminRequest, model: Model | None, source: Model | None = None) -> None:
        self.request, self.user, self.model, self.source = request, request.user, model, source
        saved = model or source
        self.endpoints = list(saved.endpoints.order_by("priority", "id")) if saved else []
        self.endpoint = self.endpoint_wanted()
        self.initial: dict[str, Any] = initial_saved(saved, self.endpoint) if saved else {}
        if source:
            self.initial |= {"name": name_free(source.name), "kind": source.kind}
        typed: QueryDict | dict[str, Any] = request.POST if request.method == "POST" else self.initial
        if not saved and request.method != "POST":
            typed = request.GET
        self.shape: Shape = shape_of(typed, model.kind if model else "")
        self.report: Report | None = None

    def endpoint_wanted(self) -> Endpoint | None:
        """The first, unless another or a new one is asked for. One that is gone is not replaced by another: 404."""
        wanted = self.request.GET.get("endpoint", "")
        if wanted == "new" or not self.endpoints:
            return None
        found = [endpoint for endpoint in self.endpoints if wanted in ("", str(endpoint.pk))]
        if not found:
            raise Http404
        return found[0]

    @property
    def here(self) -> str:
        """Where the form is sent: it names the endpoint, so that another tab's changes do not move it."""
        if self.model is None:
            return self.request.path
        return f"{self.request.path}?endpoint={self.endpoint.pk if self.endpoint else 'new'}"

    @property
    def is_htmx(self) -> bool:
        return bool(self.request.htmx)

    @property
    def typed(self) -> dict[str, Any]:
        return {name: str(value) for name, value in self.request.POST.items()}

    def form_new(self) -> ImportForm:
        initial = initial_new(self.shape) | self.initial
        return self.form(initial=initial)

    def form_typed(self, **changes: str) -> ImportForm:
        """What was typed, unjudged, with other values for some of it; another vendor or kind is another shape.

        A vendor's default URL was not typed, and follows the vendor.
        """
        self.shape = shape_of(self.typed | changes, self.model.kind if self.model else "")
        typed = {**self.typed, "stream_only": bool(self.typed.get("stream_only"))}
        defaults = {first_url(vendor, kind) for vendor in VENDORS.values() for kind in vendor.kinds}
        if typed.get("inference_url", "") in defaults | {""}:
            typed["inference_url"] = first_url(self.shape.vendor, self.shape.kind)
        return self.form(initial=typed | changes)

    def form_checked(self, *, needs_price: bool = True) -> ImportForm:
        form = self.form(data=self.request.POST, needs_price=needs_price)
        form.full_clean()
        return form

    def form(self, **options: Any) -> ImportForm:
        return ImportForm(shape=self.shape, model=self.model, endpoint=self.endpoint, **options)

    def advice(self, form: ImportForm) -> Advice:
        url = str(form["inference_url"].value() or "")
        return url_advise(vendor=self.shape.vendor, kind=self.shape.kind, url=url)

    def redirect(self, to: str) -> HttpResponse:
        if self.is_htmx:
            return HttpResponseClientRedirect(to)
        return HttpResponseRedirect(to)
