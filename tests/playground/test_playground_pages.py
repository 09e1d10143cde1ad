"""The pages as Django's test client sees them: no gateway runs here."""

import re
from itertools import count

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from inference.models import Answer, Conversation
from inference.playground.forms import PROMPT_MAX
from inference.playground.selectors import choices_of_kind
from inference.playground.services import Prompt, turn_create
from models_registry.documents import registry_parse
from models_registry.models import Endpoint, Model
from models_registry.services import registry_apply

serial = count(1)
FIELDS = {"prompt": "hi", "model": "m", "key": "k", "conversation": ""}


def served(name: str, price: str = '{"input": "4", "output": "16"}', health: str = "up") -> str:
    document = (
        f'{{"models": [{{"name": "{name}", "kind": "llm", "price": {price}, "endpoints": [{{"vendor":'
        ' "openai_compatible", "inference_url": "http://127.0.0.1:9/v1", "model": "x"}]}]}'
    )
    (model,) = registry_apply(document=registry_parse(document), actor="tests")
    Model.objects.filter(pk=model.pk).update(state=Model.State.ENABLED)
    Endpoint.objects.filter(model=model).update(health=health)
    return name


def talk(user: User, turns: int = 1, models: tuple[str, ...] = ("m",), title: str = "hi") -> Conversation:
    conversation = None
    for number in range(turns):
        prompt = Prompt(f"{title} {number}", list(models), "", {})
        turn = turn_create(user=user, conversation=conversation, page_key=f"page {next(serial)}", prompt=prompt)
        turn.answers.update(state="done", content=f"answer **{number}**", cost_nano=1_234_567, prompt_tokens=3)
        conversation = turn.conversation
    assert conversation is not None
    return conversation


@pytest.fixture
def signed(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


# --- who ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/playground/", "/playground/1/", "/playground/history/", "/playground/answers/1/"])
def test_a_stranger_is_asked_to_sign_in(client: Client, database: None, path: str) -> None:
    assert client.get(path)["location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", ["turns/", "stop/", "1/rename/", "1/delete/", "answers/1/stop/", "code/", "estimate/"])
def test_writing_needs_a_session_a_token_and_post(client: Client, user: User, path: str) -> None:
    assert client.post(f"/playground/{path}")["location"].startswith("/accounts/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(f"/playground/{path}").status_code == 403
    assert strict.get(f"/playground/{path}").status_code == 405


# --- the page ----------------------------------------------------------------------------------------
def test_the_page_offers_models_with_price_and_health(signed: Client) -> None:
    served("offered-model", health="down")
    page = signed.get("/playground/?model=offered-model").content.decode()
    assert re.search(r'<option value="offered-model" data-price="¥4.00 / ¥16.00" data-health="down" selected>', page)
    assert "不可用" in page
    assert page.count("data-suggestion") == 3
    assert "/v1/chat/completions" in page


def test_a_free_model_is_called_free(signed: Client) -> None:
    served("gratis", price='{"free": true}')
    assert 'data-price="免费"' in signed.get("/playground/?model=gratis").content.decode()


def test_a_conversation_shows_what_was_said_and_what_it_cost(signed: Client, user: User) -> None:
    conversation = talk(user, 2)
    page = signed.get(f"/playground/{conversation.pk}/").content.decode()
    assert "<strong>0</strong>" in page
    assert "¥0.001234" in page
    assert "¥0.002469" in page, "the sum of both"
    assert 'title="¥0.001234567"' in page


def test_a_conversation_of_another_is_not_found(client: Client, user: User) -> None:
    conversation = talk(user)
    client.force_login(User.objects.create(username=f"other-{conversation.pk}"))
    assert client.get(f"/playground/{conversation.pk}/").status_code == 404


def test_long_conversations_show_their_newest_turns_first(signed: Client, user: User) -> None:
    conversation = talk(user, 23)
    page = signed.get(f"/playground/{conversation.pk}/").content.decode()
    assert page.count('class="turn"') == 20
    assert "hi 22" in page
    assert ">hi 0<" not in page.replace("<span>hi 0", "")
    assert signed.get(f"/playground/{conversation.pk}/?all").content.decode().count('class="turn"') == 23


def queries_of(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_no_page_asks_more_often_when_there_is_more(signed: Client, user: User) -> None:
    served("counted-0")
    short = talk(user, 2, ("m", "n"))
    before = [queries_of(signed, path) for path in (f"/playground/{short.pk}/", "/playground/history/")]
    for number in range(1, 12):
        served(f"counted-{number}")
        talk(user, 1, title=f"more {number}")
    long = talk(user, 15, ("m", "n"))
    after = [queries_of(signed, path) for path in (f"/playground/{long.pk}/", "/playground/history/")]
    assert after == before


def test_choosing_among_many_models_takes_three_queries(database: None) -> None:
    served("one-of-many")
    with CaptureQueriesContext(connection) as captured:
        assert choices_of_kind(kind="llm")
    assert len(captured) == 3


# --- forms ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"prompt": "  "}, "写下想问的内容再发送"),
        ({"model": ""}, "选一个模型再发送"),
        ({"temperature": "3"}, "temperature: "),
        ({"temperature": "warm"}, "temperature: "),
        ({"temperature": "NaN"}, "temperature: "),
        ({"top_p": "0"}, "top_p: "),
        ({"max_tokens": "0"}, "max_tokens: "),
        ({"stop": "a\nb\nc\nd\ne"}, "停止词最多 4 个"),
        ({"prompt": "x" * (PROMPT_MAX + 1)}, str(PROMPT_MAX)),
    ],
)
def test_what_is_wrong_is_named_and_what_was_typed_stays(signed: Client, wrong: dict[str, str], says: str) -> None:
    fields = {**FIELDS, "system_prompt": "typed before", **wrong}
    plain = signed.post("/playground/turns/", fields)
    assert plain.status_code == 422
    assert says in plain.content.decode()
    assert "typed before" in plain.content.decode()
    part = signed.post("/playground/turns/", fields, headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Retarget"]) == (422, "#composer-error")
    assert says in part.content.decode()
    assert not Conversation.objects.filter(user__username="nobody").exists()


@pytest.mark.parametrize("conversation", ["x", "-1", "999999999", "9" * 40])
def test_a_conversation_that_is_none_is_not_found(signed: Client, conversation: str) -> None:
    assert signed.post("/playground/turns/", {**FIELDS, "conversation": conversation}).status_code == 404
    assert signed.post("/playground/stop/", {"conversation": conversation}).status_code == 404


def test_a_sent_prompt_comes_back_with_its_stream_and_a_fresh_page(signed: Client, user: User) -> None:
    sent = signed.post("/playground/turns/", {**FIELDS, "prompt": "<b>hi</b>"}, headers={"HX-Request": "true"})
    text = sent.content.decode()
    answer = Answer.objects.get(turn__conversation__user=user)
    assert f'sse-connect="/playground/streams/{answer.stream_id}/"' in text
    assert "&lt;b&gt;hi&lt;/b&gt;" in text
    assert sent["HX-Push-Url"] == f"/playground/{answer.turn.conversation_id}/"
    assert re.search(r'name="key" value="[^"]{20,}"', text)


def test_a_title_is_the_first_line_cut_short(user: User) -> None:
    assert talk(user, title="\n\n  " + "长" * 200).title == "长" * 60 + "…"


# --- history -----------------------------------------------------------------------------------------
def test_history_lists_renames_and_deletes(signed: Client, user: User) -> None:
    kept, gone = talk(user, title="kept"), talk(user, title="gone")
    signed.post(f"/playground/{kept.pk}/rename/", {"title": "<i>new</i>" + "x" * 150})
    assert signed.post(f"/playground/{gone.pk}/delete/")["location"] == "/playground/"
    page = signed.get("/playground/history/").content.decode()
    assert "&lt;i&gt;new&lt;/i&gt;" in page
    assert "gone 0" not in page
    part = signed.get("/playground/history/", headers={"HX-Request": "true"}).content.decode()
    assert 'class="drawer' in part
    assert "<html" not in part


def test_an_empty_title_changes_nothing(signed: Client, user: User) -> None:
    conversation = talk(user, title="named")
    signed.post(f"/playground/{conversation.pk}/rename/", {"title": "  "})
    conversation.refresh_from_db()
    assert conversation.title == "named 0"


# --- code ----------------------------------------------------------------------------------------------
def test_the_code_is_of_the_present_fields(signed: Client) -> None:
    fields = {**FIELDS, "prompt": "a question", "model": "some-model", "temperature": "0.25", "top_p": "nonsense"}
    page = signed.post("/playground/code/", fields, headers={"HX-Request": "true"}).content.decode()
    plain = re.sub(r"<[^>]+>", "", page)
    assert "a question" in plain
    assert "some-model" in plain
    assert "0.25" in plain
    assert "top_p" not in plain
    assert not re.search(r"sk-[A-Za-z0-9]", plain)
    assert all(label in plain for label in ("curl", "Python", "Node", "Go", "Java"))


def test_with_nothing_typed_the_code_is_of_the_call_made_last(signed: Client, user: User) -> None:
    fields = {**FIELDS, "prompt": "", "conversation": talk(user, 2).pk}
    page = signed.post("/playground/code/", fields, headers={"HX-Request": "true"}).content.decode()
    plain = re.sub(r"<[^>]+>", "", page)
    assert plain.index("hi 0") < plain.index("hi 1")
    assert "飞机" not in plain, "nobody asked that"
    assert "answer **0**" in plain
    assert "answer **1**" not in plain, "it is what is asked for"


def test_without_a_gateway_the_estimate_is_unknown_and_not_wrong(signed: Client) -> None:
    assert "—" in signed.post("/playground/estimate/", FIELDS).content.decode()


# --- answers that will not end by themselves -------------------------------------------------------------
def test_an_answer_whose_process_died_is_told_as_interrupted(signed: Client, user: User) -> None:
    conversation = talk(user)
    answers = Answer.objects.filter(turn__conversation=conversation)
    answers.update(state="running", seen_at="2020-01-01T00:00:00Z")
    page = signed.get(f"/playground/{conversation.pk}/").content.decode()
    assert "生成被中断" in page
    assert "answer <strong>0</strong>" in page
    assert 'aria-busy="true"' not in page
