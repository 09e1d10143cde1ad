"""Reads of the playground. Whatever belongs to a user is fetched through the user."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet, Sum

from accounts.models import User
from inference.models import Answer, Conversation, PromptPicture, Tryout, Turn
from inference.playground.kinds import TABS, Tab
from inference.playground.messages import Exchanged
from inference.playground.pictures import data_url, stand_in
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
    return Tryout.objects.filter(user=user, kind=kind).order_by("-id")


# --- pictures ----------------------------------------------------------------------------------------
def pictures_visible(*, user: User) -> QuerySet[PromptPicture]:
    return PromptPicture.objects.filter(user=user)


def pictures_chosen(*, user: User, ids: Iterable[int]) -> list[PromptPicture]:
    """Those of a composer, without what is in them; what is another user's is not there."""
    return list(pictures_visible(user=user).filter(pk__in=list(ids)).defer("content").order_by("id"))


# --- conversations -----------------------------------------------------------------------------------
def conversations_visible(*, user: User) -> QuerySet[Conversation]:
    return Conversation.objects.filter(user=user).order_by("-updated_at", "-id")


def answers_visible(*, user: User) -> QuerySet[Answer]:
    return Answer.objects.filter(turn__conversation__user=user).select_related("turn__conversation")


def turns_shown(*, conversation: Conversation, limit: int | None = TURNS_SHOWN) -> list[Turn]:
    """The newest turns with their answers, oldest first."""
    return list(turns_whole(conversation).order_by("-number")[:limit])[::-1]


def turn_shown(*, turn: Turn) -> Turn:
    """With all that its template shows."""
    return turns_whole(turn.conversation).get(pk=turn.pk)


def turns_whole(conversation: Conversation, *, content: bool = False) -> QuerySet[Turn]:
    """With answers and pictures, but what is in the pictures only where it is wanted."""
    pictures = PromptPicture.objects.order_by("id")
    return conversation.turns.prefetch_related(
        Prefetch("answers", Answer.objects.order_by("column")),
        Prefetch("pictures", pictures if content else pictures.defer("content")),
    )


def cost_so_far(*, conversation: Conversation) -> int:
    """What all answers of a conversation were charged, in nano-yuan."""
    return Answer.objects.filter(turn__conversation=conversation).aggregate(sum=Sum("cost_nano"))["sum"] or 0


def earlier_exchanges(
    *, conversation: Conversation, column: int, before: int, pictures: bool = False
) -> list[Exchanged]:
    """What a column has said so far; where it had no answer of its own yet, the first column's.

    Without `pictures` their places are held by stand-ins.
    """
    turns = turns_whole(conversation, content=pictures).filter(number__lt=before).order_by("-number")
    link = data_url if pictures else stand_in
    found = []
    for turn in turns[:EARLIER_MAX]:
        answers = {answer.column: answer for answer in turn.answers.all()}
        answer = answers.get(column) or answers.get(0)
        links = [link(picture) for picture in turn.pictures.all()]
        found.append(Exchanged(turn.prompt, answer.content if answer else "", links))
    return found[::-1]


def answers_busy(*, conversation: Conversation) -> bool:
    """Whether an answer of the last turn is still to come."""
    last = Answer.objects.filter(turn__conversation=conversation).order_by("-id")[:4]
    return any(answer.is_open for answer in last)
