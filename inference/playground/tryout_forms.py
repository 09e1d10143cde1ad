"""What a browser sends to try a model that does not chat, checked: texts by the line, and the call they make."""

import hashlib
from abc import ABCMeta, abstractmethod
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.forms.forms import DeclarativeFieldsMetaclass
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference.playground.forms import PROMPT_MAX
from models_registry.vendors.base import Json

TEXTS_MAX = 10
DOCUMENTS_MAX = 20
TITLE_MAX = 120  # what a line of the history can show
EXTENSIONS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"%PDF-": "pdf"}  # by how a file begins


class LinesField(forms.CharField):
    """One text a line; blank lines are none."""

    def __init__(self, *, lines_max: int, too_many: Any, **options: Any) -> None:
        super().__init__(max_length=PROMPT_MAX, **options)
        self.lines_max, self.too_many = lines_max, too_many

    def clean(self, value: Any) -> list[str]:
        lines = [line.strip() for line in super().clean(value).splitlines()]
        texts = [line for line in lines if line]
        if len(texts) > self.lines_max:
            raise forms.ValidationError(self.too_many)
        return texts


class Picture(NamedTuple):
    name: str
    extension: str
    content: bytes


class AbstractFormMeta(DeclarativeFieldsMetaclass, ABCMeta):
    """Of forms whose subclasses say what is missing."""


class TryoutForm(forms.Form, metaclass=AbstractFormMeta):
    """`key` comes with the page; the same page sent twice is one call."""

    model = forms.CharField(max_length=200, error_messages={"required": _("选一个模型再发送")})
    key = forms.CharField(max_length=64)

    @property
    @abstractmethod
    def body(self) -> Json:
        """The call that these fields make."""

    @property
    def picture(self) -> Picture | None:
        """What goes with it."""
        return None

    @classmethod
    @abstractmethod
    def fields_of(cls, body: Json) -> dict[str, Any]:
        """The other way: what was typed for a call."""

    @classmethod
    @abstractmethod
    def title_of(cls, body: Json) -> str:
        """What a call is known by in the history."""

    @property
    def first_error(self) -> str:
        """One sentence; that of `top_n` begins with its name."""
        name, errors = next(iter(self.errors.items()))
        return f"{name}: {errors[0]}" if name == "top_n" else str(errors[0])


class EmbeddingForm(TryoutForm):
    texts = LinesField(
        lines_max=TEXTS_MAX,
        too_many=_("最多 10 段文本，每行一段"),
        error_messages={"required": _("写下至少一段文本再发送")},
    )

    @property
    def body(self) -> Json:
        return {"model": self.cleaned_data["model"], "input": self.cleaned_data["texts"]}

    @classmethod
    def fields_of(cls, body: Json) -> dict[str, Any]:
        return {"texts": "\n".join(body["input"])}

    @classmethod
    def title_of(cls, body: Json) -> str:
        return " · ".join(body["input"])[:TITLE_MAX]


class RerankForm(TryoutForm):
    query = forms.CharField(max_length=PROMPT_MAX, error_messages={"required": _("写下要查找的内容再发送")})
    documents = LinesField(
        lines_max=DOCUMENTS_MAX,
        too_many=_("最多 20 个文档，每行一个"),
        error_messages={"required": _("写下至少一个文档再发送")},
    )
    top_n = forms.IntegerField(min_value=1, max_value=DOCUMENTS_MAX, required=False)

    @property
    def body(self) -> Json:
        given = self.cleaned_data
        body: Json = {"model": given["model"], "query": given["query"], "documents": given["documents"]}
        return {**body, "top_n": given["top_n"]} if given["top_n"] else body

    @classmethod
    def fields_of(cls, body: Json) -> dict[str, Any]:
        return {"query": body["query"], "documents": "\n".join(body["documents"]), "top_n": body.get("top_n", "")}

    @classmethod
    def title_of(cls, body: Json) -> str:
        return str(body["query"])[:TITLE_MAX]


class OcrForm(TryoutForm):
    """The picture itself is never kept: the call's row has its name and its digest."""

    file = forms.FileField(required=False, allow_empty_file=True)

    def clean_file(self) -> Picture:
        """One sentence says all that may be wrong: a file that is too large does not arrive at all."""
        file = self.cleaned_data["file"]
        content = file.read() if file else b""
        extension = next((extension for start, extension in EXTENSIONS.items() if content.startswith(start)), "")
        if not file or not extension or len(content) > picture_bytes_max():
            megabytes = f"{settings.MAX_BODY_MB:g}"
            raise forms.ValidationError(gettext("选一个 PNG、JPEG 或 PDF 文件，小于 {size} MB").format(size=megabytes))
        return Picture(file.name or "", extension, content)

    @property
    def picture(self) -> Picture:
        picture: Picture = self.cleaned_data["file"]
        return picture

    @property
    def body(self) -> Json:
        picture = self.picture
        digest = hashlib.sha256(picture.content).hexdigest()
        return {"model": self.cleaned_data["model"], "file": picture.name, "digest": digest}

    @classmethod
    def fields_of(cls, body: Json) -> dict[str, Any]:
        return {"file": body["file"]}

    @classmethod
    def title_of(cls, body: Json) -> str:
        return str(body["file"])[:TITLE_MAX]


def picture_bytes_max() -> int:
    """The gateway's limit, with room for the form around the picture."""
    return int(settings.MAX_BODY_MB * 1024 * 1024) - 4096
