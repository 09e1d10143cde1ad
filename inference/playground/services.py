"""Writes of the playground. Each answer is claimed once, by a conditional UPDATE; who gets no row has lost."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User, Workspace
from accounts.selectors import workspace_personal
from billing.models import UsageRecord
from inference.models import START_WITHIN, Answer, Conversation, PromptPicture, Turn
from inference.playground.messages import chat_body
from inference.playground.pictures import PictureRefused, conversation_bytes_max, data_url, megabytes
from inference.playground.selectors import answers_busy, earlier_exchanges
from models_registry.parameters import chat_parameters, known_only
from models_registry.vendors.base import Json

TITLE_MAX = 60
State = Answer.State
OUTCOMES = {"success": State.DONE, "client_closed": State.STOPPED}


class StillAnswering(Exception):
    """The conversation's last prompt is not answered yet."""


class Prompt(NamedTuple):
    """What is sent, and with what."""

    text: str
    models: list[str]
    system_prompt: str
    parameters: Json
    pictures: Sequence[PromptPicture] = ()


class Claimed(NamedTuple):
    """An answer that is this process's to make."""

    answer: Answer
    workspace: Workspace
    body: Json


class Made(NamedTuple):
    """What came of an answer."""

    content: str
    thinking: str
    thinking_tokens: int
    thinking_ms: int
    error_code: str = ""
    error_message: str = ""


# --- turns -------------------------------------------------------------------------------------------
def turn_create(*, user: User, conversation: Conversation | None, page_key: str, prompt: Prompt) -> Turn:
    """One turn for one form, however often it arrives. Raises StillAnswering, PictureRefused."""
    shown = "".join(f"\0{picture.size} {picture.name}" for picture in prompt.pictures)
    key = hashlib.sha256(f"{user.pk}\0{page_key}\0{prompt.text}{shown}".encode()).hexdigest()
    if turn := Turn.objects.filter(key=key).first():
        return turn
    try:
        return turn_insert(user, conversation, key, prompt)
    except IntegrityError:  # the same form, at the same moment
        return Turn.objects.get(key=key)


@transaction.atomic
def turn_insert(user: User, conversation: Conversation | None, key: str, prompt: Prompt) -> Turn:
    if conversation is None:
        conversation = Conversation(user=user, title=title_of(prompt.text))
    else:  # who sends a second prompt waits for the first to be counted
        conversation = Conversation.objects.select_for_update().get(pk=conversation.pk)
        if answers_busy(conversation=conversation):
            raise StillAnswering
    conversation.system_prompt = prompt.system_prompt
    conversation.parameters, conversation.choices = prompt.parameters, prompt.models
    conversation.updated_at = timezone.now()
    conversation.save()
    last = conversation.turns.aggregate(number=Max("number"))["number"] or 0
    turn = Turn.objects.create(conversation=conversation, number=last + 1, key=key, prompt=prompt.text)
    Answer.objects.bulk_create(
        Answer(turn=turn, column=column, model=model) for column, model in enumerate(prompt.models)
    )
    pictures_claim(turn, prompt.pictures)
    return turn


def pictures_claim(turn: Turn, pictures: Sequence[PromptPicture]) -> None:
    """Drafts become the turn's, each of them once. Raises PictureRefused."""
    if not pictures:
        return
    drafts = PromptPicture.objects.filter(
        pk__in=[one.pk for one in pictures], user=turn.conversation.user_id, turn=None
    )
    if drafts.update(turn=turn) != len(pictures):
        raise PictureRefused(_("图片已经发送过，重新添加再发送"))
    kept = PromptPicture.objects.filter(turn__conversation=turn.conversation).aggregate(size=Sum("size"))["size"]
    if kept > conversation_bytes_max():
        words = _("一个会话的图片总共不超过 {size} MB，新建会话再发送")
        raise PictureRefused(words.format(size=megabytes(conversation_bytes_max())))


def title_of(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= TITLE_MAX else f"{line[:TITLE_MAX]}…"


def conversation_rename(*, conversation: Conversation, title: str) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(title=title)


def conversation_delete(*, conversation: Conversation) -> None:
    """Its answers stop; what they cost stays booked."""
    answers_stop(answers=Answer.objects.filter(turn__conversation=conversation))
    conversation.delete()


# --- answers -----------------------------------------------------------------------------------------
def answer_claim(*, stream_id: str, user: User, request_id: str) -> Claimed | None:
    """None where it is someone else's, was claimed before, or waited too long.

    Whose it is, is asked first, and the row's own columns decide: PostgreSQL that has waited for a row looks at its
    columns again, and not at a subquery, so with a join two would win.
    """
    now = timezone.now()
    own = list(Answer.objects.filter(stream_id=stream_id, turn__conversation__user=user).values_list("pk", flat=True))
    unclaimed = Answer.objects.filter(pk__in=own, state=State.NEW, created_at__gt=now - START_WITHIN)
    if not unclaimed.update(state=State.RUNNING, seen_at=now, request_id=request_id):
        return None
    answer = Answer.objects.select_related("turn__conversation").get(stream_id=stream_id)
    conversation = answer.turn.conversation
    body = chat_body(
        model=answer.model,
        system_prompt=conversation.system_prompt,
        parameters=known_only(conversation.parameters, chat_parameters(models=[answer.model])[answer.model]),
        earlier=earlier_exchanges(
            conversation=conversation, column=answer.column, before=answer.turn.number, pictures=True
        ),
        prompt=answer.turn.prompt,
        pictures=[data_url(picture) for picture in answer.turn.pictures.order_by("id")],
    )
    return Claimed(answer, workspace_personal(user=user), body)


def answer_keep(*, answer_id: int, content: str, thinking: str) -> None:
    """A sign of life: what has come so far, for other tabs and for what may happen to this process."""
    running = Answer.objects.filter(pk=answer_id, state=State.RUNNING)
    running.update(content=content, thinking=thinking, seen_at=timezone.now())


def answer_finish(*, answer_id: int, made: Made) -> Answer | None:
    """The end, as the ledger has it. None when the conversation was deleted meanwhile."""
    answer = Answer.objects.filter(pk=answer_id, state=State.RUNNING).first()
    if answer is None:
        return None
    answer.content, answer.thinking = made.content, made.thinking
    answer.thinking_tokens, answer.thinking_ms = made.thinking_tokens, made.thinking_ms
    answer.error_code, answer.error_message = made.error_code, made.error_message
    record = UsageRecord.objects.filter(pk=answer.request_id).first()
    if record:
        answer.prompt_tokens, answer.completion_tokens = record.prompt_tokens, record.completion_tokens
        answer.cost_nano = record.charged_nano
        answer.first_byte_ms, answer.duration_ms = record.first_byte_ms, record.duration_ms
    answer.state = state_of(record, made)
    answer.save()
    return answer


def state_of(record: UsageRecord | None, made: Made) -> str:
    if made.error_code:
        return State.FAILED
    return OUTCOMES.get(record.outcome, State.FAILED) if record else State.STOPPED


def answers_stop(*, answers: QuerySet[Answer]) -> list[str]:
    """Asks for the end of what runs, in whatever process, and ends what has not begun. Stream ids of what runs."""
    these = Answer.objects.filter(pk__in=list(answers.values_list("pk", flat=True)))  # as in answer_claim
    these.filter(state=State.NEW).update(state=State.STOPPED)
    running = these.filter(state=State.RUNNING)
    running.update(stop_wanted=True)
    return list(running.values_list("stream_id", flat=True))


def stop_is_wanted(*, answer_id: int) -> bool:
    """Also when the answer is gone, with its conversation."""
    return not Answer.objects.filter(pk=answer_id, stop_wanted=False).exists()
