"""体验中心: a conversation with one or two models, streamed, through the relay and the bill of the API."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.paging import page_number, page_of
from accounts.selectors import workspace_personal
from billing.selectors import balance_of
from inference.models import Answer, Conversation, Turn
from inference.playground.events import CLOSE, answer_events, finished_context
from inference.playground.forms import COLUMNS_MAX, PROMPT_MAX, ParametersForm, PromptForm, TitleForm, picture_ids
from inference.playground.kinds import TRIED, tab_of
from inference.playground.messages import chat_body
from inference.playground.parameters import fields_shown, parameters_offered
from inference.playground.pictures import (
    PICTURES_MAX,
    PictureRefused,
    megabytes,
    picture_bytes_max,
    pictures_keep,
    stand_in,
    uploads_of,
)
from inference.playground.runs import Run, body_quote, running
from inference.playground.selectors import (
    TURNS_SHOWN,
    answers_visible,
    choices_of_kind,
    conversations_visible,
    cost_so_far,
    earlier_exchanges,
    kind_of_model,
    pictures_chosen,
    tabs_shown,
    turn_shown,
    turns_shown,
)
from inference.playground.services import (
    Prompt,
    StillAnswering,
    answers_stop,
    conversation_delete,
    conversation_rename,
    turn_create,
)
from models_registry.models import Model
from models_registry.parameters import chat_parameters, known_only
from models_registry.samples import CHAT, Call, samples_of, this_site

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

HISTORY_PAGE = 30
FLAG_WORDS = {True: "true", False: "false"}


def user_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def conversation_of(request: HttpRequest, pk: int | None) -> Conversation | None:
    """Raises Http404 for what is not this user's."""
    return get_object_or_404(conversations_visible(user=user_of(request)), pk=pk) if pk else None


# --- the page ----------------------------------------------------------------------------------------
@login_required
@require_GET
def playground(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Links name a model and no kind: one that does not chat opens on its own tab."""
    asked = request.GET.get("model", "")
    if pk is None and asked and (kind := kind_of_model(name=asked)) in TRIED:
        return redirect(f"{reverse(tab_of(kind).page)}?{urlencode({'model': asked})}")
    return render(request, "inference/playground.html", page_context(request, conversation_of(request, pk)))


def page_context(
    request: HttpRequest, conversation: Conversation | None, form: PromptForm | None = None, error: str = ""
) -> dict[str, Any]:
    """`form` is a sent one that was not taken, and `error` why: what was typed stays."""
    choices = choices_of_kind(kind=Model.Kind.LLM)
    limit = None if "all" in request.GET else TURNS_SHOWN
    turns = turns_shown(conversation=conversation, limit=limit) if conversation else []
    served = [one.name for one in choices]
    chosen = form.models if form else chosen_models(request, conversation, served)
    values = form.data if form else field_values(conversation)
    return {
        "nav": "playground",
        "kind": Model.Kind.LLM,
        "kinds": tabs_shown(kind=Model.Kind.LLM),
        "conversation": conversation,
        "turns": turns,
        "has_earlier": bool(turns) and turns[0].number > 1,
        "choices": choices,
        "chosen": chosen,
        "values": values,
        "fields": fields_shown(parameters_offered(models=chosen), values),
        "prompt": form.data.get("prompt", "") if form else request.GET.get("prompt", ""),
        "pictures": form.pictures if form else [],
        "pictures_max": PICTURES_MAX,
        "megabytes": megabytes(picture_bytes_max()),
        "error": error,
        "key": secrets.token_urlsafe(16),
        "session_nano": cost_so_far(conversation=conversation) if conversation else 0,
        "balance": balance_of(workspace=workspace_personal(user=user_of(request))),
        "suggestions": suggestions(),
    }


def suggestions() -> list[str]:
    return [_("飞机怎么会飞？"), _("用 Python 写一个快速排序，并说明复杂度"), _("把一段会议记录整理成待办清单")]


def chosen_models(request: HttpRequest, conversation: Conversation | None, served: list[str]) -> list[str]:
    """The link's, else the conversation's, else the user's last; a model that is gone stays to be seen."""
    if asked := [name for name in request.GET.getlist("model") if name in served][:COLUMNS_MAX]:
        return asked
    last = conversation or conversations_visible(user=user_of(request)).first()
    chosen = [str(name) for name in last.choices] if last else []
    if not conversation:
        chosen = [name for name in chosen if name in served]
    return chosen or served[:1]


def field_values(conversation: Conversation | None) -> dict[str, Any]:
    """The parameters as their fields show them."""
    if conversation is None:
        return {}
    values: dict[str, Any] = {**conversation.parameters, "system_prompt": conversation.system_prompt}
    values["stop"] = "\n".join(values.get("stop", ()))
    return {name: FLAG_WORDS[value] if isinstance(value, bool) else value for name, value in values.items()}


# --- sending -----------------------------------------------------------------------------------------
@login_required
@require_POST
def turn_send(request: HttpRequest) -> HttpResponse:
    """A prompt. htmx gets the turn with streams to open; a plain form waits for the answers."""
    form = PromptForm(request.POST)
    conversation = conversation_of(request, form["conversation"].value() and conversation_id(form))
    pictures_take(request, form)
    if not form.is_valid():
        return refused(request, conversation, form)
    given = form.cleaned_data
    prompt = Prompt(given["prompt"], form.models, given["system_prompt"], form.parameters, form.pictures)
    try:
        turn = turn_create(user=user_of(request), conversation=conversation, page_key=given["key"], prompt=prompt)
    except StillAnswering:
        form.add_error(None, _("上一个回答还在生成，停止后再发送"))
        return refused(request, conversation, form)
    except PictureRefused as refusal:
        form.add_error(None, str(refusal))
        return refused(request, conversation, form)
    if request.headers.get("HX-Request"):
        return sent(request, turn)
    async_to_sync(answers_make)([answer.stream_id for answer in turn.answers.all()], user_of(request))
    return redirect("playground_conversation", pk=turn.conversation_id)


def pictures_take(request: HttpRequest, form: PromptForm) -> None:
    """The form's pictures: drafts by their ids, and the files of a form without scripts, which become drafts."""
    user, ids = user_of(request), picture_ids(request.POST)
    form.pictures = pictures_chosen(user=user, ids=ids)
    try:
        if len(form.pictures) < len(ids):
            raise PictureRefused(_("有图片已不在，移除后重新添加"))
        uploads = uploads_of(files_of(request), beside=len(form.pictures))
        form.pictures += pictures_keep(user=user, uploads=uploads)
    except PictureRefused as refusal:
        form.add_error(None, str(refusal))


def files_of(request: HttpRequest) -> list["UploadedFile[bytes]"]:
    """Raises PictureRefused for a form so large that its files did not arrive."""
    files = request.FILES.getlist("files")
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if not files and request.content_type == "multipart/form-data" and length > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
        raise PictureRefused(_("图片太大，每张不超过 {size} MB").format(size=megabytes(picture_bytes_max())))
    return files


def conversation_id(form: PromptForm) -> int:
    text = str(form["conversation"].value())
    if not text.isdecimal() or len(text) > 18:
        raise Http404
    return int(text)


def sent(request: HttpRequest, turn: Turn) -> HttpResponse:
    """The same for the same form: the page shows a turn it has already only once (X-Turn)."""
    context = {"turn": turn_shown(turn=turn), "conversation": turn.conversation, "key": secrets.token_urlsafe(16)}
    response = render(request, "inference/playground_sent.html", context)
    response["X-Turn"] = f"turn-{turn.pk}"
    response["HX-Push-Url"] = f"/playground/{turn.conversation_id}/"
    return response


def refused(request: HttpRequest, conversation: Conversation | None, form: PromptForm) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return refused_part(request, form.first_error)
    context = page_context(request, conversation, form, form.first_error)
    return render(request, "inference/playground.html", context, status=422)


def refused_part(request: HttpRequest, error: str) -> HttpResponse:
    response = render(request, "inference/playground_refused.html", {"error": error}, status=422)
    response["HX-Retarget"], response["HX-Reswap"] = "#composer-error", "innerHTML"
    return response


async def answers_make(stream_ids: list[str], user: User) -> None:
    """Without streams: side by side, to their ends. A browser that does not wait finds them in the conversation."""
    for run in [Run(stream_id, user).start() for stream_id in stream_ids]:
        await asyncio.shield(run.task)


async def stream(request: HttpRequest, stream_id: str) -> StreamingHttpResponse:
    """An answer as events. A stranger or a used id gets the close event: to any error the browser would come back."""
    user = await request.auser()
    events = (
        answer_events(stream_id=stream_id, user=user, language=get_language() or settings.LANGUAGE_CODE)
        if isinstance(user, User)
        else closed()
    )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)


async def closed() -> AsyncIterator[bytes]:
    yield CLOSE


# --- answers -----------------------------------------------------------------------------------------
@login_required
@require_GET
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """One answer as it is now, once it is finished with the sums it changed: for a page that lost its stream."""
    user = user_of(request)
    found = get_object_or_404(answers_visible(user=user), pk=pk)
    if found.is_open:
        return render(request, "inference/playground_answer.html", {"answer": found, "looks_on": True})
    return render(request, "inference/playground_finished.html", finished_context(answer=found, user=user))


@login_required
@require_POST
def answer_stop(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(answers_visible(user=user_of(request)), pk=pk)
    return stopped(request, found.turn.conversation, Answer.objects.filter(pk=found.pk))


@login_required
@require_POST
def conversation_stop(request: HttpRequest) -> HttpResponse:
    """All that a conversation is waiting for."""
    text = request.POST.get("conversation", "")
    conversation = conversation_of(request, int(text) if text.isdecimal() and len(text) <= 18 else None)
    if conversation is None:
        raise Http404
    return stopped(request, conversation, Answer.objects.filter(turn__conversation=conversation))


def stopped(request: HttpRequest, conversation: Conversation, answers: Any) -> HttpResponse:
    """What runs in this process ends at once; another process looks every half second."""
    here = [run for stream_id in answers_stop(answers=answers) if (run := running.get(stream_id))]
    for run in here:
        run.task.get_loop().call_soon_threadsafe(run.leave)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204)
    return redirect("playground_conversation", pk=conversation.pk)


# --- history -----------------------------------------------------------------------------------------
@login_required
@require_GET
def history(request: HttpRequest) -> HttpResponse:
    page = page_of(conversations_visible(user=user_of(request)), page_number(request), HISTORY_PAGE)
    template = "playground_history_drawer" if request.headers.get("HX-Request") else "playground_history"
    return render(request, f"inference/{template}.html", {"nav": "playground", "page": page})


@login_required
@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    conversation = get_object_or_404(conversations_visible(user=user_of(request)), pk=pk)
    form = TitleForm(request.POST)
    if form.is_valid():
        conversation_rename(conversation=conversation, title=form.cleaned_data["title"])
    return redirect("playground_conversation", pk=pk)


@login_required
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    conversation_delete(conversation=get_object_or_404(conversations_visible(user=user_of(request)), pk=pk))
    return redirect("playground")


# --- beside the conversation -------------------------------------------------------------------------
def body_of(request: HttpRequest, model: str, form: ParametersForm, *, again: bool = False) -> dict[str, Any]:
    """The call that the page's fields would make now, with what was said before.

    `again`: where no prompt is typed, the call that was made last.
    """
    text = request.POST.get("conversation", "")
    conversation = conversation_of(request, int(text) if text.isdecimal() and len(text) <= 18 else None)
    earlier = earlier_exchanges(conversation=conversation, column=0, before=10**9) if conversation else []
    prompt = request.POST.get("prompt", "").strip()[:PROMPT_MAX]
    pictures: Sequence[str] = [
        stand_in(one) for one in pictures_chosen(user=user_of(request), ids=picture_ids(request.POST))
    ]
    if again and earlier and not prompt and not pictures:
        prompt, _answer, pictures = earlier.pop()
    return chat_body(
        model=model,
        system_prompt=form.cleaned_data.get("system_prompt", ""),
        parameters=known_only(form.parameters, chat_parameters(models=[model])[model]),
        earlier=earlier,
        prompt=prompt or _("飞机怎么会飞？"),
        pictures=pictures,
    )


@login_required
@require_POST
def parameters(request: HttpRequest) -> HttpResponse:
    """The fields of the models that are chosen now; what was typed stays in those that are still there."""
    form = ParametersForm(request.POST)
    context = {"fields": fields_shown(form.offered, form.data)}
    return render(request, "inference/playground_parameter_fields.html", context)


@login_required
@require_POST
def code(request: HttpRequest) -> HttpResponse:
    """The present fields as code; a field that is wrong is left out."""
    form = ParametersForm(request.POST)
    form.is_valid()
    model = next(iter(form.models), "MODEL")
    body = body_of(request, model, form, again=True)
    context = {
        "nav": "playground",
        "samples": samples_of(Call(CHAT, body), this_site()),
        "model": model,
        "has_pictures": any(isinstance(message["content"], list) for message in body["messages"]),
    }
    template = "playground_code_drawer" if request.headers.get("HX-Request") else "playground_code"
    return render(request, f"inference/{template}.html", context)


@login_required
@require_POST
def estimate(request: HttpRequest) -> HttpResponse:
    """The most the next prompt may cost, as it would be held."""
    form = ParametersForm(request.POST)
    form.is_valid()
    quotes = [body_quote(body_of(request, model, form)) for model in form.models]
    known = [quote.max_nano for quote in quotes if quote]
    return render(request, "inference/playground_estimate.html", {"max_nano": sum(known) if known else None})
