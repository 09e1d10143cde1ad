"""Every text of the product is there in both languages."""

import os
import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from console import formats
from console.messages import catalogs, messages_compile
from console.onboarding import user_onboard
from tests import messages
from tests.browser.pages import ALLAUTH, NO_PAGES, PAGES, Page, pages_routed
from tests.messages import ScanError, Text, python_texts, template_texts

CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+")
# Names rather than words: of a language in itself, and of vendors in their marks.
NAMES = re.compile(r'简体中文|<span class="vendor-mark"[^>]*>.*?</span>')


@pytest.fixture(scope="module")
def found() -> messages.Found:
    return messages.scan()


# --- the catalogue -----------------------------------------------------------------------------------
def test_every_text_has_an_english_translation(found: messages.Found) -> None:
    assert len(found.places) > 100
    assert messages.missing(messages.catalog_read(), found) == []


def test_no_translation_is_left_of_a_text_that_is_gone(found: messages.Found) -> None:
    assert messages.unused(messages.catalog_read(), found) == []


def test_translations_carry_the_placeholders_of_their_text() -> None:
    assert messages.mismatched(messages.catalog_read()) == []


def test_the_catalogue_is_as_make_messages_writes_it(found: messages.Found, tmp_path: Path) -> None:
    path = tmp_path / "django.po"
    messages.catalog_write(messages.catalog_update(messages.catalog_read(), found), path)
    assert path.read_text(encoding="utf-8") == messages.ENGLISH.read_text(encoding="utf-8")


def test_english_translations_are_english() -> None:
    wrong = [
        form
        for message in messages.entries(messages.catalog_read()).values()
        for form in messages.translations(message)
        if CHINESE.search(form)
    ]
    assert wrong == []


def test_an_update_keeps_what_is_translated_adds_what_is_new_and_drops_what_is_gone() -> None:
    old = messages.Catalog(locale="en")
    old.add("模型", "Model")
    old.add("旧", "Old")
    place = {"templates/x.html"}
    new = messages.catalog_update(old, messages.Found({Text("模型"): place, Text("个", "个们"): place}))
    kept = {text: messages.translations(message) for text, message in messages.entries(new).items()}
    assert kept == {Text("模型"): ["Model"], Text("个", "个们"): ["", ""]}
    assert len(messages.missing(new, messages.Found({Text("模型"): place, Text("新"): place}))) == 1


def test_a_lost_placeholder_is_found_and_a_singular_may_go_without_its_count() -> None:
    catalog = messages.Catalog(locale="en")
    catalog.add("%(name)s 的", "of name")
    catalog.add(("%(count)s 个", "%(count)s 个"), ("one", "%(count)s of them"))
    assert messages.mismatched(catalog) == ["%(name)s 的"]


# --- finding texts -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("{% translate '模型' %}{% trans \"100%\" as x %}", [Text("模型"), Text("100%%")]),
        ("{% blocktranslate with n=x %}第 {{ n }} 条，50%{% endblocktranslate %}", [Text("第 %(n)s 条，50%%")]),
        (
            "{% blocktranslate trimmed count n=3 %}\n  一\n  个\n{% plural %}\n  {{ n }} 个\n{% endblocktranslate %}",
            [Text("一 个", "%(n)s 个")],
        ),
        ('{% include "x" with word=_("词") %}{{ value|default:_("无") }}', [Text("词"), Text("无")]),
        ("{# translate '不' #}{% comment %}x{% endcomment %}文", []),
    ],
)
def test_texts_of_templates_are_found(source: str, texts: list[Text]) -> None:
    assert list(template_texts(source)) == texts


def test_texts_of_python_are_found() -> None:
    source = 'a = _("一" "二")\nb = ngettext("个", "些", n)\nc = translation.gettext_lazy("三")\nfor _ in x: pass'
    assert set(python_texts(source)) == {Text("一二"), Text("个", "些"), Text("三")}


@pytest.mark.parametrize("source", ['_(f"{x} 个")', "gettext(name)", '_("一" + x)'])
def test_a_text_that_is_put_together_is_refused(source: str) -> None:
    with pytest.raises(ScanError, match=r"x\.py:1"):
        list(python_texts(source, "x.py"))


def test_a_text_with_a_context_is_refused_because_nobody_would_find_it() -> None:
    with pytest.raises(ScanError):
        list(template_texts('{% translate "停用" context "state" %}'))


# --- compiling ---------------------------------------------------------------------------------------
def test_compiling_makes_what_is_missing_or_older_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "en/LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "django.po"
    source.write_bytes(next(catalogs()).read_bytes())
    assert messages_compile(tmp_path) == [folder / "django.mo"]
    assert messages_compile(tmp_path) == []
    made_at = (folder / "django.mo").stat().st_mtime
    os.utime(source, (made_at + 1, made_at + 1))
    assert messages_compile(tmp_path) == [folder / "django.mo"]
    assert sorted(path.name for path in folder.iterdir()) == ["django.mo", "django.po"]


# --- pages -------------------------------------------------------------------------------------------
def test_times_are_told_in_the_language_of_the_page() -> None:
    with translation.override("en"):
        assert formats.outage(formats.timedelta(minutes=26)) == "26 min"
    with translation.override("zh-hans"):
        assert formats.outage(formats.timedelta(minutes=26)) == "26 分钟"


@pytest.fixture(scope="module")
def people(database: None) -> dict[str, User]:
    return {
        "developer": user_onboard(username="english-developer", password="a long pass phrase"),
        "admin": user_onboard(username="english-admin", password="a long pass phrase", is_admin=True),
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_an_english_page_has_no_chinese_word(page: Page, people: dict[str, User]) -> None:
    client = Client(headers={"Accept-Language": "en"})
    if page.who in people:
        client.force_login(people[page.who])
    answer = client.get(page.path)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert '<html lang="en"' in text
    assert CHINESE.findall(NAMES.sub("", text)) == []


def test_every_page_there_is_stands_in_the_list_of_pages() -> None:
    listed = {page.name: page.path for page in PAGES}
    routed = pages_routed()
    assert set(routed) - set(listed) - NO_PAGES - ALLAUTH == set()
    assert {name: routed.get(name) for name in listed} == listed


def test_a_page_for_visitors_asks_the_database_for_nothing(
    database: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert Client().get("/accounts/login/").status_code == 200
