"""What the playground's templates are built of. `{% load playground %}`."""

from collections.abc import Iterable

from django import template
from django.utils.safestring import SafeString, mark_safe

from inference.models import Answer
from inference.playground.markdown import render
from inference.playground.selectors import Choice
from inference.playground.words import Words, words_for

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    return mark_safe(render(text))  # noqa: S308 - cleaned by nh3


@register.filter
def names(choices: Iterable[Choice]) -> set[str]:
    return {choice.name for choice in choices}


@register.filter
def split(words: str) -> list[str]:
    return words.split()


@register.simple_tag
def error_words(answer: Answer) -> Words:
    """A process that died in mid-answer left no code."""
    return words_for(answer.error_code or "interrupted")
