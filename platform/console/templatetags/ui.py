"""What templates are built of: icons, formatted figures, statuses. `{% load ui %}`."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy
from lucide import _render_icon

from console import formats
from inference.playground.highlighting import budget, highlighted
from models_registry.vendors import VENDORS

register = template.Library()

for name in (
    *("yuan", "yuan_exact", "price", "tokens", "significant", "context_size"),
    *("latency", "seconds", "since", "clock", "minute", "exact", "day", "outage"),
):
    register.filter(name, getattr(formats, name))


@register.simple_tag
def percent(part: int, whole: int, places: int = 2) -> str:
    return formats.percent(part, whole, places)


# --- icons -------------------------------------------------------------------------------------------
@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """A lucide icon beside a word, hidden from readers. `size` may be "small"."""
    return drawn(str(name), size)


@cache
def drawn(name: str, size: str) -> SafeString:
    """Kept: lists have several in every row, and drawing one takes as long as the rest of its row."""
    css = f"icon {size}".strip()
    return mark_safe(_render_icon(name, 14 if size else 16, **{"class": css, "aria-hidden": "true"}))  # noqa: S308


# --- health ------------------------------------------------------------------------------------------
class Tone(NamedTuple):
    css: str
    word: Any


HEALTH = {
    "up": Tone("ok", gettext_lazy("正常")),
    "degraded": Tone("warn", gettext_lazy("降级")),
    "down": Tone("bad", gettext_lazy("不可用")),
    "disabled": Tone("off", gettext_lazy("已停用")),
    "checking": Tone("live", gettext_lazy("探测中")),
    "unknown": Tone("off", gettext_lazy("未探测")),
}
OUTCOMES = {
    "success": Tone("ok", gettext_lazy("成功")),
    "client_closed": Tone("warn", gettext_lazy("客户端中断")),
    "broken_off": Tone("bad", gettext_lazy("上游中断")),
    "failed": Tone("bad", gettext_lazy("失败")),
    "abandoned": Tone("off", gettext_lazy("已释放")),
}


@register.simple_tag
def health(state: str) -> SafeString:
    """Shape and word of a health state."""
    tone = HEALTH.get(state, HEALTH["unknown"])
    return format_html('<span class="status {}">{}</span>', tone.css, tone.word)


@register.simple_tag
def outcome(name: str, error_code: str = "") -> SafeString:
    """Shape and word of how a call ended; the error's code on hover."""
    tone = OUTCOMES.get(name, OUTCOMES["failed"])
    return format_html('<span class="status {}" title="{}">{}</span>', tone.css, error_code, tone.word)


# --- vendors -----------------------------------------------------------------------------------------
@register.filter
def vendor_label(slug: str) -> str:
    vendor = VENDORS.get(slug)
    if vendor is None:
        return slug
    return vendor.label_zh if formats.is_chinese() else vendor.label_en


@register.simple_tag
def vendor_mark(slug: str) -> SafeString:
    """The square with one or two characters that stands for a vendor in rows."""
    vendor = VENDORS.get(slug)
    mark = vendor.mark if vendor and vendor.mark else slug[:1].upper()
    return format_html('<span class="vendor-mark" aria-hidden="true">{}</span>', mark)


# --- links -------------------------------------------------------------------------------------------
@register.simple_tag(takes_context=True)
def query(context: Mapping[str, Any], **changes: Any) -> str:
    """This page's query string with some parameters changed; an empty value leaves one out. Pages begin anew."""
    parameters = context["request"].GET.copy()
    parameters.pop("page", None)
    for key, value in changes.items():
        parameters.pop(key, None)
        if value not in ("", None):
            parameters[key] = str(value)
    return f"?{parameters.urlencode()}"


@register.simple_tag(takes_context=True)
def query_without(context: Mapping[str, Any], key: str, value: str) -> str:
    """This page's query string without one of the values of a parameter that has several."""
    parameters = context["request"].GET.copy()
    parameters.setlist(key, [one for one in parameters.getlist(key) if one != value])
    return f"?{parameters.urlencode()}"


# --- code --------------------------------------------------------------------------------------------
@register.filter("highlighted")
def code_highlighted(code: str, language: str) -> SafeString:
    """Escaped, and in colours where it is not too long; the classes are coloured in components.css."""
    return mark_safe(highlighted(code, language, budget()) or escape(code))  # noqa: S308
