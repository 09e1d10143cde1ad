"""Pages of a list without counting it: one row more than is shown tells whether there is a next."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model as DjangoModel
from django.db.models import QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=DjangoModel)

PAGE_MAX = 10_000


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`first` and `last` count from 1; 0 on an empty page."""

    rows: list[Row]
    number: int
    size: int
    has_more: bool

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return (self.number - 1) * self.size + len(self.rows)

    @property
    def before(self) -> int:
        return self.number - 1

    @property
    def after(self) -> int:
        return self.number + 1


def page_of(rows: QuerySet[Row], number: int, size: int) -> Page[Row]:
    start = (number - 1) * size
    found = list(rows[start : start + size + 1])
    return Page(found[:size], number, size, len(found) > size)


def page_number(request: HttpRequest) -> int:
    """From the query; nonsense is page 1."""
    text = request.GET.get("page", "1")
    return max(1, min(int(text), PAGE_MAX)) if text.isdecimal() and len(text) < 6 else 1
