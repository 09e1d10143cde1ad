"""The parameter panel: drawn from the vendors' files, checked as the gateway checks, each model sent what it knows."""

import json
import re

import pytest
from django.http import QueryDict
from django.test import Client
from gateway_desk import Desk
from playground_browser import Browser

from accounts.models import User
from inference.gateway import requests
from inference.playground.forms import ParametersForm
from models_registry.documents import registry_parse
from models_registry.models import Model
from models_registry.parameters import chat_parameters, common
from models_registry.services import registry_apply
from models_registry.vendors import VENDORS
from models_registry.vendors import chat_parameters as chat_parameters_module
from models_registry.vendors.chat_parameters import QWEN_PARAMETERS, USUAL
from models_registry.vendors.parameter_profiles import QWEN
from models_registry.vendors.parameter_rules import Range


def endpoint(vendor: str, **fields: str) -> dict[str, str]:
    return {"vendor": vendor, "inference_url": "http://127.0.0.1:9/v1", "model": "x", "api_key": "k", **fields}


def served(name: str, *endpoints: dict[str, str]) -> str:
    document = {"models": [{"name": name, "kind": "llm", "price": {"free": True}, "endpoints": list(endpoints)}]}
    (model,) = registry_apply(document=registry_parse(json.dumps(document)), actor="tests")
    Model.objects.filter(pk=model.pk).update(state=Model.State.ENABLED)
    return name


@pytest.fixture
def signed(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def form(models: list[str], **fields: str) -> ParametersForm:
    data = QueryDict(mutable=True)
    data.setlist("model", models)
    data.update(fields)
    return ParametersForm(data)


def names(page: str) -> list[str]:
    """Of the fields, in their order."""
    found = re.findall(r'<(?:input|textarea)[^>]* name="(\w+)" form="composer"', page)
    return [name for name in dict.fromkeys(found) if name != "system_prompt"]


def drawn(client: Client, *models: str, **fields: str) -> str:
    return client.post("/playground/parameters/", {"model": list(models), **fields}).content.decode()


# --- what is drawn ---------------------------------------------------------------------------------------
def test_each_vendors_own_parameters_are_drawn(signed: Client) -> None:
    served("p-qwen", endpoint("dashscope"))
    served("p-ark", endpoint("ark"))
    served("p-usual", endpoint("openai_compatible"))
    qwen, ark = drawn(signed, "p-qwen"), drawn(signed, "p-ark")
    assert {"enable_search", "enable_thinking", "seed", "presence_penalty"} <= set(names(qwen))
    assert {"do_sample", "repetition_penalty", "frequency_penalty"} <= set(names(ark))
    assert "do_sample" not in names(qwen)
    assert "enable_search" not in names(ark)
    assert names(drawn(signed, "p-usual")) == [one.name for one in USUAL]
    assert names(signed.get("/playground/?model=p-ark").content.decode()) == names(ark)


def test_fields_have_the_documented_ends(signed: Client) -> None:
    served("p-ends", endpoint("dashscope"))
    page = drawn(signed, "p-ends")
    assert 'id="temperature" name="temperature" form="composer" type="number" min="0" max="1.99" step="0.01"' in page
    assert 'id="top_p" name="top_p" form="composer" type="number" min="0.01" max="1" step="0.01"' in page
    assert 'type="number" min="0" max="18446744073709551615" step="1" inputmode="numeric"' in page


def test_labels_follow_the_readers_language(signed: Client) -> None:
    served("p-words", endpoint("dashscope"))
    assert "联网搜索" in drawn(signed, "p-words")
    page = signed.post("/playground/parameters/", {"model": "p-words"}, headers={"accept-language": "en"})
    assert "Web search" in page.content.decode()


def test_values_stay_where_both_models_know_them(signed: Client) -> None:
    served("p-one", endpoint("dashscope"))
    served("p-two", endpoint("ark"))
    page = drawn(signed, "p-two", temperature="0.7", enable_search="true", stop="a")
    assert 'value="0.7"' in page
    assert ">a</textarea>" in page
    assert "enable_search" not in page


def test_two_models_are_offered_what_either_knows_and_it_is_said(signed: Client) -> None:
    served("p-left", endpoint("dashscope"))
    served("p-right", endpoint("ark"))
    page = drawn(signed, "p-left", "p-right")
    assert {"enable_search", "do_sample", "temperature"} <= set(names(page))
    assert page.count("只发给 p-left") == len(
        set(names(drawn(signed, "p-left"))) - set(names(drawn(signed, "p-right")))
    )
    assert "只发给 p-right" in page
    assert 'max="1.99"' in page, "the temperature that both allow"


def test_a_model_of_two_vendors_has_what_both_know(signed: Client) -> None:
    served("p-both", endpoint("ark"), endpoint("dashscope"))
    assert names(drawn(signed, "p-both")) == ["temperature", "top_p", "max_tokens", "presence_penalty", "stop"]


def test_a_profile_is_drawn_as_its_vendor(signed: Client) -> None:
    served("p-profile", endpoint("openai_compatible", parameter_profile="qwen"))
    assert chat_parameters(models=["p-profile"]) == {"p-profile": QWEN_PARAMETERS}


def test_a_model_that_is_gone_has_the_usual_ones(signed: Client) -> None:
    assert names(drawn(signed, "nobody")) == names(drawn(signed)) == [one.name for one in USUAL]


# --- what is taken ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("temperature", "1.9999", 1.9999),
        ("temperature", "1", 1),
        ("seed", str(2**64 - 1), 2**64 - 1),
        ("enable_search", "false", False),
        ("stop", "a\r\n\r\nb", ["a", "b"]),
        ("top_p", "", None),
    ],
)
def test_a_value_inside_its_range_is_sent_as_it_is(user: User, name: str, value: str, sent: object) -> None:
    served("p-in", endpoint("dashscope"))
    one = form(["p-in"], **{name: value})
    assert one.is_valid()
    assert one.parameters == ({} if sent is None else {name: sent})
    assert all(QWEN[key].allows(found) for key, found in one.parameters.items())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("temperature", "2", "[0, 2)"),
        ("top_p", "0", "(0, 1]"),
        ("seed", "-1", "[0, 2^64−1]"),
        ("seed", "1.5", ""),
        ("presence_penalty", "2.5", "[-2, 2]"),
        ("temperature", "nan", ""),
        ("max_tokens", "10000001", "[1, 10000000]"),
        ("enable_search", "maybe", ""),
        ("stop", "a\nb\nc\nd\ne", "最多 4 个"),
    ],
)
def test_a_value_outside_is_refused_in_words(user: User, name: str, value: str, words: str) -> None:
    served("p-out", endpoint("dashscope"))
    one = form(["p-out"], **{name: value})
    assert not one.is_valid()
    assert words in one.errors[name][0]


def test_what_the_model_does_not_know_is_never_taken(user: User) -> None:
    served("p-not", endpoint("ark"))
    one = form(["p-not"], enable_search="true", logit_bias="{}", temperature="0.5")
    assert one.is_valid()
    assert one.parameters == {"temperature": 0.5}


def test_side_by_side_each_is_sent_only_what_it_knows(browser: Browser, play_desk: Desk) -> None:
    usual = play_desk.model("chat;text=usual;chunks=1")
    qwen = play_desk.model([{"vendor": "dashscope", "model": "chat;text=qwen;chunks=1", "api_key": "k"}])
    fields = {"enable_search": "true", "frequency_penalty": "0.5", "temperature": "0.3"}
    for path in browser.streams("go", usual, qwen, **fields):
        browser.listen(path)
    to_usual, to_qwen = (play_desk.asked(f"chat;text={name};chunks=1")[-1].json for name in ("usual", "qwen"))
    assert (to_usual["temperature"], to_qwen["temperature"]) == (0.3, 0.3)
    assert ("enable_search" in to_usual, to_qwen["enable_search"]) == (False, True)
    assert (to_usual["frequency_penalty"], "frequency_penalty" in to_qwen) == (0.5, False)
    code = browser.post("/playground/code/", {"model": [qwen], **fields}).text
    assert "enable_search" in code
    assert "frequency_penalty" not in code
    page = browser.get(f"/playground/{browser.conversation.pk}/").text
    assert 'value="0.5"' in page


# --- the vendor files --------------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", [slug for slug, vendor in VENDORS.items() if "llm" in vendor.kinds])
def test_every_vendor_that_chats_says_what_it_takes_in_both_languages(slug: str) -> None:
    parameters = VENDORS[slug].kinds["llm"].parameters
    assert {"temperature", "max_tokens", "stop"} <= {one.name for one in parameters}
    assert len({one.name for one in parameters}) == len(parameters)
    assert all(one.label.zh and one.label.en and bool(one.help.zh) == bool(one.help.en) for one in parameters)


def test_as_many_tokens_may_be_asked_for_as_the_gateway_takes() -> None:
    assert chat_parameters_module.TOKENS_MAX == requests.TOKENS_MAX


def test_ranges_meet_where_both_allow() -> None:
    assert Range(0, 2).meeting(Range(0, 2, high_open=True)) == Range(0, 2, high_open=True)
    assert Range(0, 1, low_open=True).meeting(Range(-2, 2)) == Range(0, 1, low_open=True)
    assert Range(1, whole=True).meeting(Range(0, 9)) == Range(1, 9, whole=True)
    assert Range(1).meeting(Range(0)).high is None
    assert common([USUAL]) == USUAL
