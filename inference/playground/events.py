"""A run as server-sent events for htmx: fragments of HTML, and at the end the finished answer."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import escape

from accounts.models import User
from accounts.selectors import workspace_personal
from billing.estimator import text_tokens
from billing.selectors import balance_of
from inference.models import Answer
from inference.playground.markdown import render, settled_end
from inference.playground.runs import Run
from inference.playground.selectors import cost_so_far
from inference.playground.threads import in_thread
from inference.playground.words import thought_words

FRAME_S = 1 / 15
KEEPALIVE_S = 15.0
LINE_END = re.compile(r"\r\n|\r|\n")
SHARE_MAX = 4  # rendering takes at most a fifth of the time


def event(name: str, html: str) -> bytes:
    """A line ends at any of the three ends that browsers know; a text must not begin an event of its own."""
    lines = "".join(f"data: {line}\n" for line in LINE_END.split(html))
    return f"event: {name}\n{lines}\n".encode()


CLOSE = event("close", "-")  # an event without data would not be dispatched
KEEPALIVE = b": keepalive\n\n"


class Shown(NamedTuple):
    """How much of an answer the browser has for good."""

    thinking: int = 0
    settled: int = 0
    is_timed: bool = False  # how long was thought, for good


async def answer_events(*, stream_id: str, user: User, language: str) -> AsyncIterator[bytes]:
    """Makes the answer and shows it. For a used id, nothing but the close event: the source must not come back."""
    run = Run(stream_id, user).start()
    shown = Shown()
    try:
        while not run.is_over:
            if not await has_news(run):
                yield KEEPALIVE
                continue
            if run.answer is None or run.is_over:
                continue
            began_at = time.perf_counter()
            frame, shown = await asyncio.to_thread(frame_of, run, shown, language)
            took_s = time.perf_counter() - began_at
            yield frame
            await asyncio.sleep(max(FRAME_S, SHARE_MAX * took_s))
        if run.finished:
            yield await in_thread(finish_of, run.finished, user, language)
        yield CLOSE
    finally:
        run.leave()


async def has_news(run: Run) -> bool:
    """False when it is time for a keepalive. Not `wait_for`: Python 3.11's may swallow that the browser left."""
    try:
        async with asyncio.timeout(KEEPALIVE_S):
            await run.changed.wait()
    except TimeoutError:
        return False
    run.changed.clear()
    return True


def frame_of(run: Run, shown: Shown, language: str) -> tuple[bytes, Shown]:
    """What is new: thinking as it comes, whole blocks once, the last block as far as it is written."""
    content, thinking = run.content, run.thinking
    events = []
    if len(thinking) > shown.thinking:
        events.append(event("thinking", escape(thinking[shown.thinking :])))
    is_timed = bool(thinking) and not run.is_thinking
    if thinking and not shown.is_timed:
        with translation.override(language):
            events.append(event("thought", escape(thought_words(run.thinking_ms, is_over=is_timed))))
    written = content[shown.settled :]
    end = settled_end(written)
    if end:
        events.append(event("settled", render(written[:end])))
    if written:
        events.append(event("tail", render(written[end:])))
    counted = run.meter.counted_tokens if run.meter else 0
    context = {"cost_nano": run.cost_nano, "completion_tokens": counted, "thinking_tokens": text_tokens(thinking)}
    with translation.override(language):
        events.append(event("facts", render_to_string("inference/playground_running.html", context)))
    return b"".join(events), Shown(len(thinking), shown.settled + end, is_timed)


def finish_of(answer: Answer, user: User, language: str) -> bytes:
    """The finished answer in place of its stream, and the sums it changed."""
    context = finished_context(answer=answer, user=user)
    with translation.override(language):
        return event("finished", render_to_string("inference/playground_finished.html", context))


def finished_context(*, answer: Answer, user: User) -> dict[str, Any]:
    return {
        "answer": answer,
        "session_nano": cost_so_far(conversation=answer.turn.conversation),
        "balance": balance_of(workspace=workspace_personal(user=user)),
    }
