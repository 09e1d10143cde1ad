"""The kinds of model beside chat that the playground tries: one call of each kind, and what comes of it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from inference.playground.findings import (
    matrix_shown,
    pages_found,
    ranking_found,
    ranking_shown,
    scan_shown,
    similarities_found,
)
from inference.playground.tryout_forms import EmbeddingForm, OcrForm, RerankForm, TryoutForm
from models_registry.models import Model
from models_registry.samples import EMBEDDINGS, OCR, RERANK, Call, example_call
from models_registry.vendors.base import Json


class TriedKind(NamedTuple):
    """`find` takes a call's body and its reply, `show` the body and what was found."""

    operation: str
    path: str
    form: type[TryoutForm]
    find: Callable[[Json, Json], Json]
    show: Callable[[Json, Json], Any]

    def call(self, body: Json) -> Call:
        """As code shows it."""
        if self.path == OCR:
            return Call(OCR, {"model": body["model"]}, file=body["file"])
        return Call(self.path, body)


TRIED: Mapping[str, TriedKind] = {
    Model.Kind.EMBEDDING.value: TriedKind("embeddings", EMBEDDINGS, EmbeddingForm, similarities_found, matrix_shown),
    Model.Kind.RERANK.value: TriedKind("rerank", RERANK, RerankForm, ranking_found, ranking_shown),
    Model.Kind.OCR.value: TriedKind("ocr", OCR, OcrForm, pages_found, scan_shown),
}


class Tab(NamedTuple):
    """`page` is the name of the kind's URL."""

    kind: str
    label: str
    page: str


TABS = (
    Tab(Model.Kind.LLM.value, "LLM", "playground"),
    Tab(Model.Kind.EMBEDDING.value, "Embedding", "playground_embedding"),
    Tab(Model.Kind.RERANK.value, "Rerank", "playground_rerank"),
    Tab(Model.Kind.OCR.value, "OCR", "playground_ocr"),
)


def tab_of(kind: str) -> Tab:
    return next(tab for tab in TABS if tab.kind == kind)


def example_body(kind: str) -> Json:
    """What is worth sending to any model of a kind, in the reader's language."""
    if kind == Model.Kind.EMBEDDING:
        return {"input": [_("今天天气很好"), _("外面阳光明媚"), _("退款多久到账"), _("什么时候能收到退款")]}
    if kind == Model.Kind.OCR:
        return {"file": "page.png"}
    body = example_call(kind, "").body
    return {"query": body["query"], "documents": body["documents"]}


def api_body(kind: str, model: str) -> Json:
    """The example as one JSON body."""
    if kind == Model.Kind.OCR:
        return {"model": model, "image": "https://example.com/page.png"}
    return {"model": model, **example_body(kind)}
