"""The catalogue in a browser: filters in the address, the page of one model, and who sees what."""

import html
import re
from itertools import count
from urllib.parse import unquote

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from registry_writing import apply, model

from accounts.models import User
from accounts.revision import revision_bump
from models_registry.models import Endpoint, Model

serial = count(1)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def served(name: str, health: str = "up", **fields: object) -> Model:
    (made,) = apply(model(name, **fields))
    made.endpoints.update(health=health)
    Model.objects.filter(pk=made.pk).update(state=Model.State.ENABLED)
    return made


def names(client: Client, query: str) -> list[str]:
    """The models a query shows, in order."""
    page = client.get(f"/catalogue/?{query}").content.decode()
    return [unquote(found) for found in re.findall(r'class="row-link" href="/catalogue/(.+?)/"', page)]


@pytest.fixture(scope="module")
def mark(database: None) -> str:
    """A word in the names of this module's models."""
    mark = "zqcat"
    served(f"qwen-{mark}-dear", price={"input": "4", "output": "40"}, context_length=131072)
    served(f"glm-{mark}-cheap", price={"input": "1", "output": "1"}, context_length=1_000_000)
    served(f"glm-{mark}-free", price={"free": True}, context_length=32768, health="down")
    served(f"glm-{mark}-call", price={"per_call": "0.002"})
    served(f"BAAI/bge-{mark}:v1.5", kind="embedding", price={"input": "0.5"}, context_length=512)
    (off,) = apply(model(f"qwen-{mark}-off"))
    assert off.state == Model.State.DISABLED
    return mark


def test_the_table_shows_enabled_models_with_prices_and_what_a_yuan_buys(browser: Client, mark: str) -> None:
    page = browser.get(f"/catalogue/?q={mark}").content.decode()
    row = page[page.index(f"qwen-{mark}-dear") :].split("</tr>")[0]
    assert "¥4.00" in row
    assert "¥40.00" in row
    assert "7.69 万" in row
    assert "128K" in row
    assert "正常" in row
    assert f"/playground/?model=qwen-{mark}-dear" in row
    assert f"qwen-{mark}-off" not in page
    embedding = page[page.index(f">BAAI/bge-{mark}:v1.5<") :].split("</tr>")[0]
    assert f"/playground/?model=BAAI%2Fbge-{mark}%3Av1.5" in embedding
    assert f"/catalogue/BAAI/bge-{mark}:v1.5/" in page
    down = page[page.index(f"glm-{mark}-free") :].split("</tr>")[0]
    assert "不可用" in down
    assert "免费" in down
    assert "/playground/" not in down


def test_every_filter_is_a_parameter_of_the_address(browser: Client, mark: str) -> None:
    q = f"q={mark}"
    assert len(names(browser, q)) == 5
    assert names(browser, f"{q}&kind=embedding") == [f"BAAI/bge-{mark}:v1.5"]
    assert names(browser, f"{q}&series=Qwen&series=BGE") == [f"qwen-{mark}-dear", f"BAAI/bge-{mark}:v1.5"]
    assert names(browser, f"{q}&context=1000000") == [f"glm-{mark}-cheap"]
    assert names(browser, f"{q}&max_price=0.5") == [f"glm-{mark}-free", f"BAAI/bge-{mark}:v1.5"]
    assert f"glm-{mark}-free" not in names(browser, f"{q}&healthy=1")
    assert names(browser, f"q=GLM+{mark}+cheap") == [f"glm-{mark}-cheap"]


def test_the_end_of_the_price_slider_lets_everything_pass(browser: Client, mark: str) -> None:
    page = browser.get("/catalogue/").content.decode()
    end = re.search(r'name="max_price" min="0" max="(\d+)"', page)
    assert end is not None
    assert f"glm-{mark}-call" in names(browser, f"q={mark}&max_price={end[1]}")


def test_nonsense_in_the_address_asks_for_nothing(browser: Client, mark: str) -> None:
    nonsense = "q=%00&kind=x&context=abc&max_price=-1&sort=__class__&view=%00&page=99999999&healthy=yes&max_price=1e9"
    assert browser.get(f"/catalogue/?{nonsense}").status_code == 200
    assert len(names(browser, f"q={mark}&kind=x&context=7&max_price=NaN&sort=bad&view=bad")) == 5


def test_orders_go_by_what_a_yuan_buys_and_by_price(browser: Client, mark: str) -> None:
    chats = f"q={mark}&kind=llm"
    assert names(browser, f"{chats}&sort=buys")[:2] == [f"glm-{mark}-free", f"glm-{mark}-cheap"]
    assert names(browser, f"{chats}&sort=context")[0] == f"glm-{mark}-cheap"


def test_htmx_gets_the_found_models_and_a_plain_address(browser: Client, mark: str) -> None:
    answer = browser.get(f"/catalogue/?q={mark}&max_price=100000&sort=&context=&kind=llm", headers=HTMX)
    page = answer.content.decode()
    assert "<html" not in page
    assert "筛选</h2>" not in page
    assert f"qwen-{mark}-dear" in page
    assert answer["HX-Push-Url"] == f"/catalogue/?q={mark}&kind=llm"
    assert "HX-Request" in answer["Vary"]
    restored = browser.get("/catalogue/", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in restored.content.decode()


def test_cards_keep_the_filter(browser: Client, mark: str) -> None:
    page = browser.get(f"/catalogue/?q={mark}&view=cards&kind=embedding").content.decode()
    assert f"BAAI/bge-{mark}:v1.5" in page
    assert "<table" not in page
    assert 'name="view" value="cards"' in page
    assert f"?q={mark}&amp;kind=embedding" in page


def test_nothing_found_offers_a_way_back(browser: Client, mark: str) -> None:
    assert "没有符合的模型" in browser.get("/catalogue/?q=%3Cscript%3Ealert(1)").content.decode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": "llm"}, ["/v1/chat/completions", "client.chat.completions.create"]),
        ({"kind": "embedding", "price": {"input": "1"}}, ["/v1/embeddings", "client.embeddings.create"]),
        ({"kind": "rerank", "price": {"input": "1"}}, ["/v1/rerank", "httpx.post"]),
    ],
)
def test_the_page_of_a_model_shows_a_call_of_its_kind(
    browser: Client, fields: dict[str, object], expected: list[str]
) -> None:
    name = f"org/detail-{next(serial)}:v1.5"
    served(name, **fields, limits={"rpm": 600})
    answer = browser.get(f"/catalogue/{name}/")
    page = re.sub(r"<[^>]+>", "", answer.content.decode())
    assert answer.status_code == 200
    assert all(words in page for words in [*expected, name, "600"])
    assert "example.com" not in page  # the upstream's address is nobody's business


def test_a_name_with_odd_characters_has_a_page_of_its_own(browser: Client) -> None:
    name = f"a/b:c.d%2F'\"&<{next(serial)}>+é"
    served(name)
    page = browser.get("/catalogue/?q=a/b:c.d").content.decode()
    (link,) = re.findall(r'class="row-link" href="(/catalogue/a/b:c\.d.+?/)"', page)
    answer = browser.get(html.unescape(link))
    assert answer.status_code == 200
    assert f"<title>{html.escape(name)}" in answer.content.decode()


def test_developers_do_not_see_what_is_off_and_admins_do(browser: Client, user: User, mark: str) -> None:
    path = f"/catalogue/qwen-{mark}-off/"
    assert browser.get(path).status_code == 404
    assert browser.get("/catalogue/there-is-no-such-model/").status_code == 404
    assert browser.get("/catalogue/%00/").status_code == 404
    user.is_staff = True
    user.save()
    page = browser.get(path).content.decode()
    assert "没有启用" in page
    assert "/models/?q=" in page


def test_strangers_are_sent_to_sign_in(mark: str) -> None:
    for path in ("/catalogue/", f"/catalogue/qwen-{mark}-dear/"):
        assert Client().get(path)["Location"] == f"/accounts/login/?next={path}"


def many(number: int, word: str) -> None:
    with transaction.atomic():
        revision = revision_bump()
        rows = [
            Model(name=f"{word}-{index:04}", kind="llm", state="enabled", revision=revision) for index in range(number)
        ]
        made = Model.objects.bulk_create(rows)
        Endpoint.objects.bulk_create(
            Endpoint(model=row, vendor="openai_compatible", inference_url="https://example.com/v1", health="up")
            for row in made
        )


def test_the_queries_do_not_grow_with_the_models_and_a_page_is_fifty(browser: Client) -> None:
    def queries(query: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert browser.get(f"/catalogue/?{query}").status_code == 200
        return len(found)

    many(2, "zqmany-few")
    many(998, "zqmany")
    try:
        assert queries("q=zqmany") == queries("q=zqmany-few")
        assert len(names(browser, "q=zqmany")) == 50
        assert names(browser, "q=zqmany&page=20")[-3] == "zqmany-0997"
        assert "第 51–100 条" in browser.get("/catalogue/?q=zqmany&page=2").content.decode()
    finally:
        Model.objects.filter(name__startswith="zqmany").delete()
