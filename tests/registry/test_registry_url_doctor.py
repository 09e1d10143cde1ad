"""Mistakes in an inference URL are recognised without a network, and a better one is suggested."""

import time

import hypothesis
import pytest
from hypothesis import strategies as st

from models_registry.importing.url_doctor import Advice, models_url, url_advise
from models_registry.vendors import VENDORS

YUANJING = "https://maas.ai-yuanjing.com/openapi/compatible-mode/v1"
API = "https://maas-api.ai-yuanjing.com/openapi"


def advise(url: str, vendor: str = "openai_compatible", kind: str = "llm") -> Advice:
    return url_advise(vendor=VENDORS[vendor], kind=kind, url=url)


WRONG = [
    # given, hints, suggested
    ("https://h.com/v1/v1", ("doubled_version",), "https://h.com/v1"),
    ("https://h.com/v1/v1/chat/completions", ("doubled_version", "endpoint"), "https://h.com/v1"),
    ("https://h.com/v1/v2", ("doubled_version",), "https://h.com/v1"),
    ("https://h.com", ("no_version",), "https://h.com/v1"),
    ("https://h.com/chat/completions", ("endpoint", "no_version"), "https://h.com/v1"),
    ("https://h.com/v1/chat/completion", ("endpoint",), "https://h.com/v1"),
    ("https://h.com/v1/models", ("endpoint",), "https://h.com/v1"),
    ("https://h.com/v1/responses", ("endpoint",), "https://h.com/v1"),
    ("https://h.com/v1/rerank", ("endpoint",), "https://h.com/v1"),
    ("h.com/v1", ("scheme",), "https://h.com/v1"),
    ("//h.com/v1", ("scheme",), "https://h.com/v1"),
    ("https:/h.com/v1", ("scheme",), "https://h.com/v1"),
    ("htps://h.com/v1", ("scheme",), "https://h.com/v1"),
    ("wss://h.com/v1", ("scheme",), "https://h.com/v1"),
    ("https://https://h.com/v1", ("scheme",), "https://h.com/v1"),
    ("localhost:8000/v1", ("scheme",), "http://localhost:8000/v1"),
    ("10.0.0.3:8000/v1", ("scheme",), "http://10.0.0.3:8000/v1"),
    ("https://h .com/v1", ("spaces",), "https://h.com/v1"),
    ("https://h.com\u200b/v1", ("spaces",), "https://h.com/v1"),
    ("https：//h.com／v1", ("full_width",), "https://h.com/v1"),
    ("https://h。com/v1", ("full_width",), "https://h.com/v1"),
    ("https://h.com//v1", ("double_slash",), "https://h.com/v1"),
    ("https://h.com/V1", ("capital_version",), "https://h.com/v1"),
    ("https://u:p@h.com/v1", ("user",), "https://h.com/v1"),
    ('"https://h.com/v1"', ("wrapped",), "https://h.com/v1"),
    ("POST https://h.com/v1/chat/completions", ("wrapped", "endpoint"), "https://h.com/v1"),
    ("curl --location 'https://h.com/v1/chat/completions' \\", ("wrapped", "endpoint"), "https://h.com/v1"),
]


@pytest.mark.parametrize(("given", "hints", "better"), WRONG)
def test_a_mistake_is_named_and_mended(given: str, hints: tuple[str, ...], better: str) -> None:
    advice = advise(given)
    assert (advice.hints, advice.suggestion) == (hints, better)
    assert not advice.harmless
    assert advice.suggested_call == f"{better}/chat/completions"
    assert advise(better).hints == (), "what is suggested has no mistake of its own"


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("https://h.com/v1/", "last_slash"),
        ("https://h.com/v1/chat/completions", "endpoint"),
        ("https://h.com/v1/completions", "endpoint"),
        (" https://h.com/v1 ", "spaces"),
        ("https://h.com/v1#top", "fragment"),
    ],
)
def test_what_changes_nothing_is_only_noted(given: str, hint: str) -> None:
    advice = advise(given)
    assert advice.hints == (hint,)
    assert advice.harmless
    assert [piece.wrong for piece in advice.pieces] == [False]


@pytest.mark.parametrize(
    ("vendor", "kind", "given", "hints", "better"),
    [
        ("yuanjing", "llm", f"{YUANJING}/v1", ("doubled_version",), YUANJING),
        ("yuanjing", "llm", "http://maas.ai-yuanjing.com/openapi", ("undocumented",), YUANJING),
        ("yuanjing", "ocr", f"{API}/bge/v1/rerank", ("endpoint", "undocumented"), f"{API}/v1"),
        ("yuanjing", "embedding", YUANJING, ("undocumented",), f"{API}/compatible-mode/v1"),
        ("ollama", "llm", "http://gpu1/v1", ("no_port",), "http://gpu1:11434/v1"),
        ("ollama", "llm", "http://10.1.1.1:11434/api/generate", ("endpoint", "no_version"), "http://10.1.1.1:11434/v1"),
    ],
)
def test_a_vendors_own_address_is_known(
    vendor: str, kind: str, given: str, hints: tuple[str, ...], better: str
) -> None:
    advice = advise(given, vendor, kind)
    assert (advice.hints, advice.suggestion) == (hints, better)


@pytest.mark.parametrize(
    "given",
    [
        "https://h.com/v1",
        "https://h.com:8443/a/b/v4",
        "http://127.0.0.1:9000/sim;key=a/v1",
        "https://h.com/v1?api-version=2",
        "https://h.com/v1beta",
    ],
)
def test_a_good_url_is_left_alone(given: str) -> None:
    advice = advise(given)
    assert (advice.hints, advice.suggestion) == ((), "")
    assert advice.called.startswith(given.partition("?")[0])


@pytest.mark.parametrize("given", ["http://[::1/v1", "http://h:99999999/v1", "https://", "h", "http", "http://"])
def test_what_is_no_url_yet_is_called_so(given: str) -> None:
    assert advise(given).hints == ("unreadable",)


@pytest.mark.parametrize("given", ["", "   ", "https://h.com/" + "v" * 3000])
def test_nothing_and_far_too_much_have_no_advice(given: str) -> None:
    advice = advise(given)
    assert (advice.called, advice.hints, advice.pieces) == ("", (), [])


@hypothesis.given(
    st.text(max_size=60) | st.from_regex(r"(https?:/?/?)?[a-z@.:\[\]0-9]{0,9}(/[vV]?[0-9a-z/]{0,6}){0,4}[?#]?")
)
def test_whatever_is_typed_is_judged_without_an_error(url: str) -> None:
    for vendor, kind in (("openai_compatible", "llm"), ("yuanjing", "ocr"), ("ollama", "embedding")):
        advice = advise(url, vendor, kind)
        if advice.suggestion:
            assert advise(advice.suggestion, vendor, kind).suggestion == "", "one click is enough"
        assert "".join(piece.text for piece in advice.pieces) == advice.called


def test_the_wrong_piece_is_struck_through_and_no_other() -> None:
    pieces = advise(f"{YUANJING}/v1", "yuanjing").pieces
    assert [piece.text for piece in pieces if piece.wrong] == ["/v1"]
    assert "".join(piece.text for piece in pieces) == f"{YUANJING}/v1/chat/completions"
    assert pieces[0].text == YUANJING


def test_every_vendors_default_is_a_good_url() -> None:
    for vendor in VENDORS.values():
        for kind, spec in vendor.kinds.items():
            if spec.default_url:
                assert url_advise(vendor=vendor, kind=kind, url=spec.default_url).hints == ()


def test_the_list_of_models_stands_beside_the_operation() -> None:
    spec = VENDORS["openai_compatible"].kinds["llm"]
    for given in ("https://h/v1", "https://h/v1/", "https://h/v1/chat/completions?x=1"):
        assert models_url(spec, "llm", given) == "https://h/v1/models"
    assert models_url(VENDORS["yuanjing"].kinds["ocr"], "ocr", f"{API}/v1/unicom-ocr") == f"{API}/v1/models"


@pytest.mark.parametrize("url", ["a" * 667 + ":" * 1333, "http://h/v" + "1" * 900 + "/v" + "1" * 900 + "!"])
def test_advice_takes_no_time_whatever_is_typed(url: str) -> None:
    began = time.thread_time()
    url_advise(vendor=VENDORS["openai_compatible"], kind="llm", url=url)
    assert time.thread_time() - began < 1
