"""What rows of models are made of. `{% load models_ui %}`."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from inference.reasons import reason_short
from models_registry.models import Endpoint, Model
from models_registry.rows import ModelRow
from models_registry.uptime import HOUR, Hour, Uptime

register = template.Library()

HOST_MAX, PATH_MAX = 40, 44
TONES = {"good": "", "warn": "warn", "bad": "bad", "none": "none"}


class Why(NamedTuple):
    short: str
    whole: str


@register.filter
def why(row: ModelRow) -> Why:
    """What stands below a row's health: the reason in some twelve characters, and the whole of it for the hover."""
    if row.health == "disabled":
        return why_off(row)
    if row.health == "degraded":
        words = _("%(down)d / %(all)d 个端点不可用") % {"down": row.down_count, "all": len(row.endpoints)}
        return Why(words, whole_reason(row))
    if row.health == "down":
        return Why(reason_short(next(one.health_reason for one in row.endpoints)), whole_reason(row))
    return Why(_("等待探测"), "") if row.health == "unknown" else Why("", "")


def why_off(row: ModelRow) -> Why:
    if words := why_not_ready(row):
        return Why(words, "")
    if row.model.state_reason:
        return Why(reason_short(row.model.state_reason), row.model.state_reason)
    return Why(_("管理员停用") if row.checked_at else _("尚未启用"), "")


@register.filter
def why_not_ready(row: ModelRow) -> str:
    """Why it cannot be switched on; empty where it can."""
    if row.price is None:
        return _("未定价，不能启用")
    return "" if row.endpoints else _("没有端点，不能启用")


def whole_reason(row: ModelRow) -> str:
    return "\n".join(one.health_reason for one in row.endpoints if one.health == Endpoint.Health.DOWN)


# --- actions -----------------------------------------------------------------------------------------
class ModelUrls(NamedTuple):
    row: str
    edit: str
    copy: str
    test: str
    enable: str
    disable: str
    delete: str


@register.filter
@lru_cache(maxsize=20_000)
def model_urls(pk: int) -> ModelUrls:
    """Kept: a page of fifty rows has five hundred of them, and looking them up took a fifth of its time."""
    return ModelUrls(*(reverse(f"model_{name}", args=[pk]) for name in ModelUrls._fields))


# --- addresses ---------------------------------------------------------------------------------------
@register.filter
def url_host(url: str) -> str:
    """Scheme only where it is not https; what is too long loses its beginning."""
    parts = urlsplit(url)
    return tail(parts.netloc, HOST_MAX)


@register.filter
def url_path(url: str) -> str:
    parts = urlsplit(url)
    return tail(f"{parts.path}?{parts.query}" if parts.query else parts.path or "/", PATH_MAX)


def tail(text: str, limit: int) -> str:
    """The end of an address tells two of them apart, so it is always there."""
    return text if len(text) <= limit else f"…{text[1 - limit :]}"


# --- limits ------------------------------------------------------------------------------------------
@register.filter
def limits_whole(model: Model) -> str:
    named = ((model.rpm, "RPM"), (model.tpm, "TPM"), (model.concurrency, _("并发")))
    return " · ".join(f"{value:,} {unit}" if value else f"{_('不限')} {unit}" for value, unit in named)


# --- uptime ------------------------------------------------------------------------------------------
@register.simple_tag
def uptime_bars(uptime: Uptime) -> SafeString:
    """24 bars; each says its hour and what was seen in it."""
    seen = tuple((hour.tone, "" if hour.tone in {"none", "good"} else told(hour)) for hour in uptime.hours)
    return bars_drawn(uptime.hours[0].start, seen, get_language())


@lru_cache(maxsize=1024)
def bars_drawn(start: datetime, seen: tuple[tuple[str, str], ...], _language: str | None) -> SafeString:
    """Kept, most models having had the same day; put together without escaping our own words."""
    words = {"none": _("无数据"), "good": _("正常")}
    bars = "".join(
        f'<i class="{TONES[tone]}" title="{hour_words(start + number * HOUR)} · {words.get(tone, said)}"></i>'
        for number, (tone, said) in enumerate(seen)
    )
    return mark_safe(f'<span class="uptime" aria-hidden="true">{bars}</span>')  # noqa: S308


@lru_cache(maxsize=256)
def hour_words(start: datetime) -> str:
    """14:00–15:00"""
    return f"{timezone.localtime(start):%H:%M}–{timezone.localtime(start + HOUR):%H:%M}"


def told(hour: Hour) -> str:
    seen = ((hour.down, _("不可用")), (hour.degraded, _("降级")))
    return " · ".join(f"{word} {length(time)}" for time, word in seen if time)


def length(time: timedelta) -> str:
    seconds = round(time.total_seconds())
    if seconds < 60:
        return _("%(count)d 秒") % {"count": max(1, seconds)}
    return _("%(count)d 分钟") % {"count": round(seconds / 60)}


@register.filter
def uptime_percent(uptime: Uptime) -> str:
    """100%, 99.91%; a dash where nothing is known."""
    share = uptime.permyriad
    if share is None:
        return "—"
    return "100%" if share == 10_000 else f"{share // 100}.{share % 100:02d}%"
