"""What the playground's templates are built of. `{% load playground %}`."""

from functools import lru_cache

from django import template
from django.utils.safestring import SafeString, mark_safe

from inference.models import Answer, Tryout
from inference.playground.markdown import render
from inference.playground.words import Words, thought_words, tryout_words, words_for

register = template.Library()

KEPT_CHARACTERS_MAX = 20_000


@register.filter
def markdown(text: str) -> SafeString:
    return mark_safe(rendered(text) if len(text) <= KEPT_CHARACTERS_MAX else render(text))  # noqa: S308 - cleaned by nh3


@lru_cache(maxsize=512)
def rendered(text: str) -> str:
    """Answers that are done stay as they are, and a conversation shows forty of them each time."""
    return render(text)


@register.filter
def split(words: str) -> list[str]:
    return words.split()


@register.filter
def thought_for(thinking_ms: int) -> str:
    return thought_words(thinking_ms, is_over=True)


@register.filter
def speed(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 1000 else f"{per_second:.1f}"


@register.simple_tag
def error_words(answer: Answer) -> Words:
    """A process that died in mid-answer left no code."""
    return words_for(answer.error_code or "interrupted")


@register.simple_tag
def tryout_error(tryout: Tryout) -> Words:
    return tryout_words(tryout.error_code)
