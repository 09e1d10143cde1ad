"""Choosing one model of many. `{% load picker %}`."""

from collections.abc import Iterable
from functools import lru_cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from console import formats
from inference.playground.selectors import Choice

register = template.Library()


@register.filter
def named(choices: Iterable[Choice], name: str) -> Choice | None:
    return next((choice for choice in choices if choice.name == name), None)


@register.filter
def price_words(choice: Choice) -> str:
    """¥2.00 / ¥8.00 for input and output; or per call; or free."""
    if choice.is_free:
        return _("免费")
    if choice.call_nano:
        return f"{formats.price(choice.call_nano)} / {_('次')}"
    return f"{formats.price(choice.input_nano)} / {formats.price(choice.output_nano)}"


@register.simple_tag
def picker_options(choices: Iterable[Choice], name: str) -> SafeString:
    language = get_language() or ""
    return mark_safe("".join(option(choice, choice.name == name, language) for choice in choices))  # noqa: S308


@lru_cache(maxsize=10_000)
def option(choice: Choice, is_selected: bool, language: str) -> SafeString:
    """Kept: there may be a thousand in each picker. `language` is the one in use, whose words these are."""
    down = f" · {_('不可用')}" if choice.health == "down" else ""
    selected = mark_safe(" selected") if is_selected else ""
    return format_html(
        '<option value="{}" data-price="{}" data-health="{}"{}>{}{}</option>',
        choice.name, price_words(choice), choice.health, selected, choice.name, down,
    )  # fmt: skip
