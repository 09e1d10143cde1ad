"""首字 P50 beside a model. `{% load first_token %}`."""

from typing import Any

from django import template

from billing.first_tokens import first_tokens
from console import formats

register = template.Library()


@register.simple_tag(takes_context=True)
def first_token(context: dict[str, Any], model: str) -> str:
    """684 ms; a dash where nothing was measured. One query for all rows of a page."""
    request = context["request"]
    known: dict[str, int] | None = getattr(request, "first_tokens", None)
    if known is None:
        known = request.first_tokens = first_tokens()  # kept for the other rows
    return formats.latency(known.get(model))
