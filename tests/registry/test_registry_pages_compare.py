"""Ticked in the catalogue, kept in the address, laid side by side: with scripts and without."""

import html
import re
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from registry_writing import apply, model

from accounts.models import User
from models_registry.catalogue import Entry
from models_registry.comparison import best_of, entries_compared
from models_registry.models import Model
from models_registry.offers import Offer

NAMES = [f"zqcmp-{word}" for word in ("dear", "cheap", "free", "wide", "fifth")]
PRICES = [{"input": "4", "output": "40"}, {"input": "1", "output": "2"}, {"free": True}, {"input": "3", "output": "9"}]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(scope="module", autouse=True)
def models(database: None) -> None:
    for name, price in zip(NAMES, [*PRICES, PRICES[0]], strict=True):
        (made,) = apply(model(name, price=price, context_length=131072 if "wide" in name else 65536))
        made.endpoints.update(health="up")
        Model.objects.filter(pk=made.pk).update(state=Model.State.ENABLED)


def query(*names: str, **more: str) -> str:
    return urlencode([*more.items(), *(("compare", name) for name in names)])


def page(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def ticked(shown: str) -> set[str]:
    return set(re.findall(r'name="compare" value="([^"]+)" id="[^"]+" checked', shown))


def test_what_is_ticked_stays_ticked_and_stands_in_the_bar(browser: Client) -> None:
    shown = page(browser, f"/catalogue/?{query(*NAMES[:2], q='zqcmp')}", **HTMX)
    assert ticked(shown) == set(NAMES[:2])
    assert "<b>2</b> / 4" in shown
    assert f"/compare/?{query(*NAMES[:2], q='zqcmp')}" in shown
    assert f'href="?{query(NAMES[1], q="zqcmp")}"' in shown  # the first one's cross


def test_a_choice_that_the_filter_hides_is_kept(browser: Client) -> None:
    shown = page(browser, f"/catalogue/?{query(NAMES[0], q=NAMES[1])}")
    assert f'<input type="hidden" form="filter" name="compare" value="{NAMES[0]}">' in shown
    assert ticked(shown) == set()


def test_four_is_the_most(browser: Client) -> None:
    shown = page(browser, f"/catalogue/?{query(*NAMES, q='zqcmp')}")
    assert ticked(shown) == set(NAMES[:4])
    assert re.search(rf'value="{NAMES[4]}" id="[^"]+" disabled title="最多对比 4 个"', shown)
    assert page(browser, f"/compare/?{query(*NAMES)}").count("</th>") == page(
        browser, f"/compare/?{query(*NAMES[:4])}"
    ).count("</th>")


def test_a_plain_form_reaches_the_comparison_too(browser: Client) -> None:
    shown = page(browser, "/catalogue/?q=zqcmp")
    assert re.search(r'<button class="[^"]+" form="filter" formaction="/compare/">', shown)
    assert f'form="filter" name="compare" value="{NAMES[0]}"' in shown


def test_the_comparison_shows_prices_and_limits_and_what_wins(browser: Client) -> None:
    shown = page(browser, f"/compare/?{query(NAMES[0], NAMES[1], NAMES[3], sort='input')}")
    rows = dict(re.findall(r'<th scope="row">(.+?)</th>(.+?)</tr>', shown))
    assert [price in rows["输入价"] for price in ("¥4.00", "¥1.00", "¥3.00")] == [True] * 3
    assert re.findall(r"(¥[\d.]+) <span class=\"badge ok\">最低", rows["输入价"]) == ["¥1.00"]
    assert re.findall(r"(\d+K) <span class=\"badge ok\">最大", rows["上下文"]) == ["128K"]
    assert "badge" not in rows["最大输出"]  # all alike
    assert f'href="/catalogue/?{query(NAMES[0], NAMES[1], NAMES[3], sort="input")}"' in shown


def test_unknown_and_switched_off_models_are_left_out(browser: Client) -> None:
    (off,) = apply(model("zqcmp-off"))
    shown = page(browser, f"/compare/?{query('zqcmp-nobody', off.name, NAMES[0], NAMES[0])}")
    assert re.findall(r'class="row-link break" href="/catalogue/(.+?)/"', shown) == [NAMES[0]]
    assert "没有选中模型" in page(browser, f"/compare/?compare={quote('<b>')}")


def test_a_comparison_is_for_people_signed_in_and_asks_no_query_per_model(browser: Client) -> None:
    assert Client().get("/compare/").status_code == 302
    counts = []
    for names in (NAMES[:1], NAMES[:4]):
        with CaptureQueriesContext(
            connection,
        ) as seen:
            page(browser, f"/compare/?{query(*names)}")
        counts.append(len(seen))
    assert counts[0] == counts[1]


# --- pure --------------------------------------------------------------------------------------------
def entry(name: str, offer: Offer, kind: str = "llm", context_length: int | None = None) -> Entry:
    return Entry(name, kind, "enabled", context_length, None, None, None, None, offer, 1, "up")


def test_what_cannot_be_compared_has_no_winner() -> None:
    by_token, by_call = Offer("per_m_tokens", 4, 8), Offer("per_call", call_nano=5)
    best = best_of([entry("a", by_token, context_length=5), entry("b", by_call, "rerank")])
    assert (best.input_nano, best.output_nano, best.buys, best.context_length) == (None, None, None, None)


def test_free_wins() -> None:
    best = best_of([entry("a", Offer("per_m_tokens", 4, 8)), entry("b", Offer("free"))])
    assert (best.input_nano, best.output_nano) == (0, 0)


def test_names_are_taken_once_in_their_order() -> None:
    known = [entry(name, Offer("free")) for name in "abcdef"]
    assert [one.name for one in entries_compared(known, "fxbfadc")] == ["f", "b", "a", "d"]
