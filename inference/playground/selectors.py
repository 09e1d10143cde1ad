"""Reads of the playground. Whatever belongs to a user is fetched through the user."""

from typing import NamedTuple

from django.db.models import Prefetch, QuerySet, Sum

from accounts.models import User
from inference.models import Answer, Conversation, Tryout, Turn
from inference.playground.kinds import TABS, Tab
from inference.playground.messages import Exchanged
from models_registry.catalogue import Entry, entries_of
from models_registry.models import Model

EARLIER_MAX = 100  # turns that are sent along
TURNS_SHOWN = 20


class Choice(NamedTuple):
    """A model that can be chosen, as its picker shows it."""

    name: str
    health: str
    input_nano: int
    output_nano: int
    call_nano: int

    @property
    def is_free(self) -> bool:
        return not (self.input_nano or self.output_nano or self.call_nano)


def choices_of_kind(*, kind: str) -> list[Choice]:
    """Every enabled model of a kind with its price in force, by name."""
    entries = entries_of(Model.objects.filter(kind=kind, state=Model.State.ENABLED))
    return sorted(choice_of(entry) for entry in entries)


def choice_of(entry: Entry) -> Choice:
    offer = entry.offer
    return Choice(entry.name, entry.health, offer.input_nano, offer.output_nano, offer.call_nano)


def tabs_shown(*, kind: str) -> list[Tab]:
    """Those of kinds that have an enabled model, and the one in view."""
    enabled = Model.objects.filter(state=Model.State.ENABLED).order_by("kind").values_list("kind", flat=True).distinct()
    shown = {*enabled, kind}
    return [tab for tab in TABS if tab.kind in shown]


def kind_of_model(*, name: str) -> str:
    """ "" where there is none of that name."""
    return Model.objects.filter(name=name.replace("\0", "")).values_list("kind", flat=True).first() or ""


def tryouts_visible(*, user: User, kind: str) -> QuerySet[Tryout]:
    return Tryout.objects.filter(user=user, kind=kind)


# --- conversations -----------------------------------------------------------------------------------
def conversations_visible(*, user: User) -> QuerySet[Conversation]:
    return Conversation.objects.filter(user=user).order_by("-updated_at", "-id")


def answers_visible(*, user: User) -> QuerySet[Answer]:
    return Answer.objects.filter(turn__conversation__user=user).select_related("turn__conversation")


def turns_shown(*, conversation: Conversation, limit: int | None = TURNS_SHOWN) -> list[Turn]:
    """The newest turns with their answers, oldest first."""
    answers = Prefetch("answers", Answer.objects.order_by("column"))
    newest = conversation.turns.order_by("-number").prefetch_related(answers)
    return list(newest[:limit])[::-1]


def cost_so_far(*, conversation: Conversation) -> int:
    """What all answers of a conversation were charged, in nano-yuan."""
    return Answer.objects.filter(turn__conversation=conversation).aggregate(sum=Sum("cost_nano"))["sum"] or 0


def earlier_exchanges(*, conversation: Conversation, column: int, before: int) -> list[Exchanged]:
    """What a column has said so far; where it had no answer of its own yet, the first column's."""
    turns = conversation.turns.filter(number__lt=before).order_by("-number")
    found = []
    for turn in turns.prefetch_related(Prefetch("answers", Answer.objects.order_by("column")))[:EARLIER_MAX]:
        answers = {answer.column: answer for answer in turn.answers.all()}
        answer = answers.get(column) or answers.get(0)
        found.append(Exchanged(turn.prompt, answer.content if answer else ""))
    return found[::-1]


def answers_busy(*, conversation: Conversation) -> bool:
    """Whether an answer of the last turn is still to come."""
    last = Answer.objects.filter(turn__conversation=conversation).order_by("-id")[:4]
    return any(answer.is_open for answer in last)
