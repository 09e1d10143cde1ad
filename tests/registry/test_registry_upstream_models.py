"""The upstream's own list of models: found, shown, ticked and imported, in the browser and over REST."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from registry_people import KeyClient, signed_in, usual
from registry_writing import ENDPOINT, apply, model

from inference.probing.report import Draft
from inference.probing.upstream_models import Listing, upstream_models
from models_registry.importing.upstream_lists import kind_guessed, list_places, names_listed
from models_registry.models import Model
from models_registry.vendors import VENDORS
from simulator.server import SimulatorThread

PAGE = "/models/import/"
KEY = "sk-canary-list-5c0ffee"
OPENAI = {"object": "list", "data": [{"id": "qwen3"}, {"id": "bge-m3"}, {"id": "BAAI/bge-reranker-v2-m3"}, {"id": "b"}]}
OLLAMA = {"models": [{"name": "qwen3:0.6b", "model": "qwen3:0.6b"}, {"name": "granite-embedding:latest"}]}


class ListServer:
    """Answers GETs by path; everything else is 404. `asked` are paths and Authorizations."""

    def __init__(self, answers: dict[str, tuple[int, bytes]]) -> None:
        self.answers, self.asked = answers, list[tuple[str, str | None]]()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers["Authorization"]))
                status, body = outer.answers.get(self.path, (404, b'{"error": {"message": "no such path"}}'))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def listing(answers: dict[str, Any], status: int = 200) -> Iterator[ListServer]:
    """`answers` are bodies by path."""
    bodies = {path: body if isinstance(body, bytes) else json.dumps(body).encode() for path, body in answers.items()}
    server = ListServer({path: (status, body) for path, body in bodies.items()})
    thread = threading.Thread(target=server.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.server.shutdown()
        server.server.server_close()
        thread.join()


def asked(url: str, vendor: str = "openai_compatible", **fields: Any) -> Listing:
    return upstream_models(Draft(vendor, "llm", url, api_key=KEY, **fields))


# --- where ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("typed", "served", "base"),
    [
        ("/v1", "/v1/models", "/v1"),
        ("", "/v1/models", "/v1"),
        ("/", "/v1/models", "/v1"),
        ("/v1/chat/completions", "/v1/models", "/v1"),
        ("/v1", "/models", ""),
        ("/api/gpt/v1", "/api/gpt/v1/models", "/api/gpt/v1"),
        ("/api/v3", "/api/v3/models", "/api/v3"),
        ("/v1", "/api/tags", "/v1"),
    ],
)
def test_the_list_is_found_and_the_base_url_goes_with_it(typed: str, served: str, base: str) -> None:
    with listing({served: OPENAI}) as server:
        found = asked(f"{server.url}{typed}")
        assert (found.url, found.base_url) == (f"{server.url}{served}", f"{server.url}{base}")
        assert [one.name for one in found.models] == ["b", "BAAI/bge-reranker-v2-m3", "bge-m3", "qwen3"]
        assert [one.kind for one in found.models] == ["llm", "rerank", "embedding", "llm"]
        assert server.asked[-1] == (served, f"Bearer {KEY}")


def test_a_bare_key_is_sent_bare() -> None:
    with listing({"/v1/models": OPENAI}) as server:
        assert asked(f"{server.url}/v1", auth="raw").models
        assert server.asked == [("/v1/models", KEY)]


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_key_goes_to_the_host_that_was_typed_and_to_no_other(vendor: str) -> None:
    for kind in VENDORS[vendor].kinds:
        for url in ("https://h.com/v1", "h.com", "https://h.com/v1/rerank", VENDORS[vendor].kinds[kind].default_url):
            places = list_places(vendor=VENDORS[vendor], kind=kind, url=url)
            host = url.removeprefix("https://").removeprefix("http://").partition("/")[0]
            assert all(f"//{host}/" in place.url for place in places)
            assert len(places) <= 5


@pytest.mark.parametrize("url", ["", "   ", "ftp", "https://", "https://h.com:99999/v1", "https://[::1/v1", "x" * 3000])
def test_what_is_no_url_is_not_asked(url: str) -> None:
    assert asked(url) == Listing()


# --- what came --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "names"),
    [
        (OPENAI, ["qwen3", "bge-m3", "BAAI/bge-reranker-v2-m3", "b"]),
        (OLLAMA, ["qwen3:0.6b", "granite-embedding:latest"]),
        ([{"id": "a"}, {"id": "a"}], ["a"]),
        (["a", "b"], ["a", "b"]),
        ({"object": "list", "data": None}, []),
        ({"data": [{"id": 7}, None, {}, {"id": "a\u0000b"}, {"id": "x" * 300}, {"id": " c "}]}, ["c"]),
        ({"error": "no"}, None),
        ({"data": "text"}, None),
        ("text", None),
    ],
)
def test_lists_of_several_shapes(body: Any, names: list[str] | None) -> None:
    assert names_listed(json.dumps(body).encode()) == names


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gte-rerank", "rerank"),
        ("Qwen3-Reranker-8B", "rerank"),
        ("text-embedding-v4", "embedding"),
        ("BAAI/bge-large-zh-v1.5", "embedding"),
        ("multilingual-e5-large", "embedding"),
        ("m3e-base", "embedding"),
        ("deepseek-ocr", "llm"),
        ("Qwen2.5-72B-Instruct", "llm"),
        ("gemma3e5b", "llm"),
    ],
)
def test_a_name_suggests_a_kind(name: str, kind: str) -> None:
    assert kind_guessed(VENDORS["openai_compatible"], name) == kind


def test_a_kind_the_vendor_lacks_is_not_suggested() -> None:
    assert kind_guessed(VENDORS["ark"], "bge-reranker") == "llm"
    assert kind_guessed(VENDORS["yuanjing"], "unicom-ocr") == "ocr"


# --- what did not -----------------------------------------------------------------------------------
def test_a_refused_key_is_told_in_the_upstreams_words_and_nothing_else_is_tried() -> None:
    words = f"key {KEY} is unknown"
    with listing({"/v1/models": {"error": {"message": words}}}, status=401) as server:
        found = asked(f"{server.url}/v1")
        assert (found.url, found.models) == ("", [])
        (tried,) = found.tried
        assert (tried.url, tried.status) == (f"{server.url}/v1/models", 401)
        assert "is unknown" in tried.words
        assert KEY not in tried.words


def test_every_address_that_was_tried_is_told() -> None:
    with listing({"/v1/models": b"<html><body>Welcome</body></html>"}) as server:
        found = asked(f"{server.url}/v1")
        assert [(one.url.removeprefix(server.url), one.status) for one in found.tried] == [
            ("/v1/models", 200),
            ("/models", 404),
            ("/api/tags", 404),
        ]
        assert "Welcome" in found.tried[0].words
        assert found.tried[1].words == "no such path"


def test_a_list_too_large_or_redirected_is_none() -> None:
    with listing({"/v1/models": b'{"data": [' + b" " * 4_100_000 + b"]}"}) as server:
        found = asked(f"{server.url}/v1")
        assert (found.tried[0].status, found.url) == (None, "")
        assert "larger" in found.tried[0].words
    with listing({"/v1/models": b""}, status=302) as server:
        assert asked(f"{server.url}/v1").tried[0].status == 302


def test_an_address_that_is_not_allowed_is_not_asked() -> None:
    found = asked("http://169.254.169.254/v1")
    assert len(found.tried) == 1
    assert found.tried[0].status is None
    assert "169.254.169.254" in found.tried[0].words


# --- the page ---------------------------------------------------------------------------------------
@pytest.fixture
def admin(database: None) -> Client:
    return signed_in(is_admin=True)


def form(url: str, **fields: Any) -> dict[str, Any]:
    return {"vendor": "openai_compatible", "kind": "llm", "inference_url": url, "api_key": KEY, "do": "list", **fields}


def sent(client: Client, data: dict[str, Any]) -> str:
    answer = client.post(PAGE, data, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def taken(url: str, *names: str, prefix: str, **fields: Any) -> dict[str, Any]:
    """The form as the browser sends it after the list was read."""
    kinds = {"bge-m3": "embedding", "BAAI/bge-reranker-v2-m3": "rerank"}
    rows = [f"{kinds.get(name, 'llm')} {name}" for name in ("b", "BAAI/bge-reranker-v2-m3", "bge-m3", "qwen3")]
    source = {"listed": rows, "listed_source": f"openai_compatible {url}", "name_prefix": prefix}
    return form(url, **source, **{"selected": list(names), "do": "take", **fields})


def test_the_page_shows_the_list_with_kinds_and_what_is_there(admin: Client, name: str) -> None:
    with listing({"/v1/models": {"data": [{"id": name}, {"id": "bge-m3"}]}}) as server:
        apply(model(name))
        page = sent(admin, form(server.url, name="mine"))
        assert re.search(rf'value="{server.url}/v1"', page), "the URL follows to where the list was"
        assert 'value="embedding bge-m3" selected' in page
        assert re.search(rf'{name}</label> <span class="badge">已存在</span>', page)
        assert 'value="mine"' in page
        assert KEY not in page


def test_a_list_that_is_not_there_is_explained(admin: Client) -> None:
    with listing({}) as server:
        page = sent(admin, form(f"{server.url}/v1"))
        assert "没有读到模型列表" in page
        assert f"GET {server.url}/v1/models" in page
        assert "no such path" in page
    assert "先填写推理 URL" in sent(admin, form("-", vendor="openai_compatible"))


@pytest.mark.parametrize("text", ["garbage", "证书", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
@pytest.mark.parametrize(("do", "words"), [("list", "no certificates can be read from it"), ("probe", "probe-panel")])
def test_what_is_no_certificate_is_told_so(admin: Client, do: str, words: str, text: str) -> None:
    with listing({"/v1/models": OPENAI}) as server:
        data = form(f"{server.url}/v1", ca_certificates=text) | {"do": do}
        assert words in sent(admin, data)
        assert not server.asked


def test_ticked_models_are_imported_under_one_address_and_key(admin: Client, name: str) -> None:
    answer = admin.post(PAGE, taken("https://example.com/v1", "qwen3", "bge-m3", prefix=f"{name}/", input="4"))
    assert answer.status_code == 302
    made = Model.objects.filter(name__startswith=f"{name}/").order_by("name")
    assert [(one.name, one.kind, one.state) for one in made] == [
        (f"{name}/bge-m3", "embedding", "disabled"),
        (f"{name}/qwen3", "llm", "disabled"),
    ]
    for one in made:
        endpoint = one.endpoints.get()
        assert (endpoint.inference_url, endpoint.api_key.reveal()) == ("https://example.com/v1", KEY)
        assert not one.prices.exists(), "the price of step 4 is taken only where that is ticked"
    assert "已导入 2 个模型，未启用" in unescape(admin.get(answer["Location"]).content.decode())


def test_one_price_for_all(admin: Client, name: str) -> None:
    fields = {"listed_priced": "1", "unit": "per_call", "per_call": "0.01", "rpm": "600"}
    admin.post(PAGE, taken("https://example.com/v1", "qwen3", "bge-m3", prefix=f"{name}/", **fields))
    for one in Model.objects.filter(name__startswith=f"{name}/"):
        assert (one.prices.get().call_nano, one.rpm) == (10**7, 600)


def test_a_mistake_imports_nothing_and_keeps_the_ticks(admin: Client, name: str) -> None:
    for wrong, words in (
        ({"inference_url": "ftp://x"}, "不是可用的 http(s) 地址"),
        ({"api_key": "密钥"}, "密钥只能含可见的英文字符"),
        ({"selected": []}, "没有选中模型"),
        ({"listed_priced": "1"}, "填写输入价，或选免费"),
        ({"listed_priced": "1", "input": "0", "output": "4"}, "第 4 步的价格不适用于所选的类型"),
        ({"name_prefix": "a b/"}, "没有导入"),
    ):
        data = taken("https://example.com/v1", "bge-m3", prefix=f"{name}/") | wrong
        page = sent(admin, data)
        assert words in page, wrong
        if "selected" not in wrong:
            assert re.search(r'value="bge-m3" checked', page)
    assert not Model.objects.filter(name__startswith=f"{name}/").exists()


def test_the_list_stays_where_the_form_is_redrawn_and_goes_with_its_vendor(admin: Client, name: str) -> None:
    data = taken("https://example.com/v1", "bge-m3", prefix=f"{name}/")
    assert re.search(r'value="bge-m3" checked', sent(admin, data | {"do": "reprice", "unit": "free"}))
    assert "upstream-table" not in sent(admin, data | {"do": "redraw", "vendor": "siliconflow"})


def test_only_the_first_hundreds_are_shown_and_the_rest_is_found_by_a_word(admin: Client) -> None:
    many = {"data": [{"id": f"m-{number:04}"} for number in range(900)] + [{"id": "z-last"}]}
    with listing({"/v1/models": many}) as server:
        page = sent(admin, form(f"{server.url}/v1"))
        assert page.count('name="selected"') == 400
        assert "还有 501 个没有显示" in page
        page = sent(admin, form(f"{server.url}/v1", listed_query="LAST"))
        assert re.findall(r'name="selected" id="[^"]*" value="([^"]*)"', page) == ["z-last"]


def test_only_admins_may_ask(database: None) -> None:
    assert signed_in(is_admin=False).post(PAGE, form("https://example.com/v1")).status_code == 403


# --- the management API -----------------------------------------------------------------------------
@pytest.fixture
def script(database: None) -> KeyClient:
    return KeyClient(usual(is_admin=True))


def test_the_api_lists_and_imports(script: KeyClient, name: str) -> None:
    connection = {"vendor": "openai_compatible", "api_key": KEY}
    with listing({"/v1/models": OPENAI}) as server:
        listed = script("post", "/upstream-models", {**connection, "inference_url": server.url}).json()
        assert (listed["url"], listed["inference_url"]) == (f"{server.url}/v1/models", f"{server.url}/v1")
        assert {"model": "bge-m3", "kind": "embedding"} in listed["models"]
        assert KEY not in json.dumps(listed)
    order = {
        **connection,
        "inference_url": listed["inference_url"],
        "models": listed["models"][:3],
        "name_prefix": f"{name}/",
        "price": {"per_call": "0.01"},
    }
    answer = script("post", "/upstream-models/import", order)
    assert answer.status_code == 201
    assert answer.json()["imported"] == [f"{name}/{one['model']}" for one in order["models"]]
    again = script("post", "/upstream-models/import", order).json()
    assert (again["imported"], len(again["skipped"])) == ([], 3)


def test_the_api_tells_why_there_is_no_list(script: KeyClient) -> None:
    with listing({}) as server:
        body = {"vendor": "ollama", "inference_url": f"{server.url}/v1"}
        listed = script("post", "/upstream-models", body).json()
        assert (listed["url"], listed["models"]) == ("", [])
        assert [one["status"] for one in listed["tried"]] == [404, 404, 404]


@pytest.mark.parametrize(
    ("wrong", "status", "field"),
    [
        ({"vendor": "nobody"}, 404, "vendor"),
        ({"inference_url": "ftp://x"}, 422, "inference_url"),
        ({"api_key": "env:SECRET_KEY"}, 422, "api_key"),
        ({"models": []}, 422, "models"),
        ({"models": [{"model": "m", "kind": "ocr"}]}, 422, "models"),
        ({"models": [{"model": "m"}, {"model": "m", "kind": "embedding"}]}, 422, "models"),
        ({"price": {"per_page": "1"}}, 422, "price"),
        ({"name_prefix": "a b"}, 422, "models"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_imported(
    script: KeyClient, name: str, wrong: dict[str, Any], status: int, field: str
) -> None:
    order = {**ENDPOINT, "models": [{"model": "m"}, {"model": "n"}], "name_prefix": f"{name}/", **wrong}
    order.pop("model")
    answer = script("post", "/upstream-models/import", order)
    assert answer.status_code == status
    assert field in answer.json()["error"]["param"]
    assert not Model.objects.filter(name__startswith=f"{name}/").exists()


@pytest.mark.parametrize("path", ["/upstream-models", "/upstream-models/import"])
def test_only_admins_may_call(database: None, path: str) -> None:
    body = {"vendor": "ark", "inference_url": "https://h.com/v1", "models": [{"model": "m"}]}
    sent_body = body if path.endswith("import") else {key: body[key] for key in ("vendor", "inference_url")}
    assert KeyClient(usual(is_admin=False))("post", path, sent_body).status_code == 403
    assert Client().post(f"/api/v1{path}", sent_body, content_type="application/json").status_code == 401


def test_the_simulator_lists_its_models(upstream: SimulatorThread) -> None:
    assert asked(f"{upstream.url}/v1").models
