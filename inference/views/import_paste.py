"""A pasted curl command: what of it goes into the import form, and what is said about it."""

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy

from inference.views import import_words as words
from inference.views.import_form import NAME_FORBIDDEN, key_masked
from models_registry.importing.curl import Learned
from models_registry.vendors import VENDORS

LABELS = {
    "vendor": gettext_lazy("供应商"),
    "kind": gettext_lazy("类型"),
    "upstream_model": gettext_lazy("上游模型名"),
    "inference_url": gettext_lazy("推理 URL"),
    "api_key": "API Key",
}
NOTES = {
    "no_curl": gettext_lazy("没有找到 curl 命令，粘贴以 curl 开头的整条命令"),
    "too_long": gettext_lazy("命令超过 100 万个字符，去掉其中的图片后再粘贴"),
    "cut": gettext_lazy("有引号没有配对，命令可能没有复制完整"),
    "url_hole": gettext_lazy("命令里的地址是占位符，推理 URL 需要自己填"),
    "key_hole": gettext_lazy("命令里的密钥是占位符，API Key 需要自己填"),
    "model_hole": gettext_lazy("命令里的模型名是占位符，上游模型名需要自己填"),
    "other_auth": gettext_lazy("命令的认证方式不受支持，只认 Bearer 与裸密钥"),
}
SAID = {"url_hole": "inference_url", "key_hole": "api_key", "model_hole": "upstream_model", "other_auth": "api_key"}


class Pasted(NamedTuple):
    """`found` are labels and values; `missing` the labels of what nothing was said about."""

    found: list[tuple[str, str]]
    missing: list[str]
    notes: list[str]


def changes_of(learned: Learned, typed: dict[str, Any]) -> dict[str, str]:
    """Values of the form's fields. A model without a name of its own is called as upstream calls it."""
    names = ("vendor", "kind", "inference_url", "auth", "upstream_model")
    changes = {name: value for name in names if (value := getattr(learned, name))}
    model = learned.upstream_model
    if model and not typed.get("name") and not any(one.isspace() or one in NAME_FORBIDDEN for one in model):
        changes["name"] = model
    return changes


def pasted_of(learned: Learned) -> Pasted:
    values = {
        "vendor": words.vendor_name(VENDORS[learned.vendor]) if learned.vendor else "",
        "kind": words.KINDS.get(learned.kind, ""),
        "upstream_model": learned.upstream_model,
        "inference_url": learned.inference_url,
        "api_key": key_masked(learned.api_key),
    }
    found = [(str(LABELS[name]), value) for name, value in values.items() if value]
    explained = {SAID[note] for note in learned.notes if note in SAID}
    needless = {"upstream_model"} if learned.kind and not needs_model(learned) else set()
    silent = [str(LABELS[name]) for name, value in values.items() if not value and name not in explained | needless]
    return Pasted(found, silent if found else [], [str(NOTES[note]) for note in learned.notes])


def needs_model(learned: Learned) -> bool:
    return VENDORS[learned.vendor].kinds[learned.kind].names_model
