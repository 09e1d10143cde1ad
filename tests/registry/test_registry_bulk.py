"""A models file, YAML or CSV: read with its lines, compared with what is served, applied all or none."""

import csv
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hypothesis
import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import strategies as st
from registry_writing import ENDPOINT, apply, model, text

from accounts.models import Revision
from models_registry.documents import DocumentError, ModelDocument, registry_parse
from models_registry.export import registry_csv, registry_yaml
from models_registry.importing.bulk import PlanWrong, bulk_apply, bulk_plan, bulk_read, document_read, text_decoded
from models_registry.importing.tables import COLUMNS, cell_read, cell_written, table_read, table_write, template_write
from models_registry.models import Model
from models_registry.rows import model_rows

HEAD = "name,kind,vendor,inference_url,model,api_key,input,output,rpm\n"
KEY = "sk-canary-bulk-5c0ffee"
PLACE = "vendor: openai_compatible, inference_url: http://h.com/v1, model: m"


def plan_of(file: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(row.name, row.status, row.changes) for row in bulk_plan(entries=bulk_read(file)).rows]


# --- tables -----------------------------------------------------------------------------------------
def test_a_row_is_an_endpoint_and_rows_of_one_name_are_one_model() -> None:
    rows = HEAD + (
        "a,llm,openai_compatible,https://h.com/v1,m,,2,8,600\n"
        "b,rerank,openai_compatible,https://h.com/v1,r,,1,,\n"
        "a,,openai_compatible,https://i.com/v1,m,,,,\n"
    )
    found = table_read(rows)
    assert [(line, one["name"], len(one["endpoints"])) for line, one in found] == [(2, "a", 2), (3, "b", 1)]
    made = ModelDocument.model_validate(found[0][1])
    assert (made.price and made.price.input, made.limits.rpm) == ("2", 600)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_what_spreadsheets_write_is_read(delimiter: str, encoding: str) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows(
        [["Name", " kind ", "vendor", "inference_url", "model"], ["通义", "llm", "ollama", "http://h", "m"]]
    )
    (entry,) = bulk_read(text_decoded(file.getvalue().encode(encoding)))
    assert entry[1]["name"] == "通义"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("name,kind,vendor\na,llm,ollama\n", "the column inference_url is missing"),
        (HEAD.replace("rpm", "rps"), "unknown column 'rps'"),
        (HEAD.replace("rpm", "name"), "a column stands there twice"),
        (HEAD + 'a,"llm\n', "line 2: the file is not CSV"),
        (HEAD + "a,llm,ollama,http://h,m,,,,,,,\n", "line 2: there are 12 cells, and 9 columns"),
        (
            HEAD + "a,llm,ollama,http://h,m,,1,2,\na,llm,ollama,http://i,m,,1,3,\n",
            "line 3: a has another price here than in its first row",
        ),
        (HEAD, "the file has no model"),
    ],
)
def test_a_wrong_table_is_told_with_its_line(file: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        bulk_read(file)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "'", "''", "'=1", "plain", "a=b", '=HYPERLINK("x")'])
def test_no_cell_is_run_and_each_is_read_back(cell: str) -> None:
    written = cell_written(cell)
    assert written[0] not in "=+-@\t\r"
    assert cell_read(written) == cell


@hypothesis.given(st.text(alphabet="=+-@' a,;\"\n1", max_size=12).map(str.strip))
def test_every_cell_is_read_back(cell: str) -> None:
    document = {"name": "n", "kind": "llm", "endpoints": [{"vendor": "v", "inference_url": "u", "model": cell}]}
    ((_line, found),) = table_read(table_write([document]))
    assert found["endpoints"][0].get("model", "") == cell


def test_the_template_has_each_kind_and_can_be_imported(database: None) -> None:
    rows = bulk_plan(entries=bulk_read(template_write())).rows
    assert [(row.kind, row.status) for row in rows] == [(kind, "new") for kind in ("llm", "embedding", "rerank", "ocr")]


# --- YAML -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("", "must hold one list"),
        ("models: 3", "must hold one list"),
        ("models: []\nothers: []", "must hold one list"),
        ("models: []", "has no model"),
        ("models: [", "not YAML"),
        ("models:\n- &a {name: x}\n- {<<: [*a, *a]}", "merges"),
        ("models: " + "[" * 3000, "nested too deeply|not YAML"),
        ("models: []\x00", "control characters"),
        ("models: []\ud800", "control characters"),
        ("models: \ufffe", "not YAML"),
        ("x" * 500_001, "longer than"),
        ("models: [{}, " + "{}, " * 1000 + "]", "more than 1,000 models"),
        ("models: [{name: !!python/object:os.system x}]", "not YAML"),
    ],
)
def test_what_is_no_models_file_is_refused(file: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        bulk_read(file)


@hypothesis.given(
    st.text(max_size=60)
    | st.text(alphabet="models:[]{}-&*a<!|>'\"#%@`?,\n ", max_size=60).map("models:\n- ".__add__)
    | st.text(alphabet="a,;\t\"'=\r\n#", max_size=60).map(HEAD.__add__)
)
@hypothesis.settings(deadline=None, max_examples=400)
def test_whatever_is_sent_is_read_or_refused(file: str) -> None:
    try:
        entries = bulk_read(file)
    except DocumentError:
        return
    assert all(document_read(given) for _line, given in entries)


def test_a_large_file_is_read_in_little_time() -> None:
    file = text(*(model(f"m-{number}") for number in range(1000)))
    before = time.process_time()
    assert len(bulk_read(file)) == 1000
    assert time.process_time() - before < 8


# --- the plan ---------------------------------------------------------------------------------------
def test_each_model_is_new_changed_unchanged_or_wrong(name: str) -> None:
    apply(model(f"{name}-same"), model(f"{name}-limits"), model(f"{name}-price"), model(f"{name}-moved"))
    file = text(
        model(f"{name}-same"),
        model(f"{name}-limits", limits={"rpm": 9}),
        model(f"{name}-price", price={"input": "3", "output": "8"}),
        model(f"{name}-moved", endpoints=[{**ENDPOINT, "inference_url": "https://other.com/v1"}]),
        model(f"{name}-new"),
        model(f"{name}-wrong", kind="llm", price={"per_page": "1"}),
        model(f"{name}-new"),
    )
    assert plan_of(file) == [
        (f"{name}-same", "unchanged", ()),
        (f"{name}-limits", "changed", ("limits",)),
        (f"{name}-price", "changed", ("price",)),
        (f"{name}-moved", "changed", ("endpoints",)),
        (f"{name}-new", "new", ()),
        (f"{name}-wrong", "wrong", ()),
        (f"{name}-new", "wrong", ()),
    ]
    rows = bulk_plan(entries=bulk_read(file)).rows
    assert "kind llm is not billed per_page" in rows[5].reasons[0]
    assert rows[6].reasons == (f"name: stands in line {rows[4].line} already",)
    lines = file.splitlines()
    assert all(row.name in "".join(lines[row.line - 1 : row.line + 12]) for row in rows)


def test_a_key_that_is_not_given_stays_and_one_that_is_the_same_changes_nothing(name: str) -> None:
    (made,) = apply(model(name, endpoints=[{**ENDPOINT, "api_key": KEY}]))
    assert plan_of(text(model(name)))[0][1] == "unchanged"
    assert plan_of(text(model(name, endpoints=[{**ENDPOINT, "api_key": KEY}])))[0][1] == "unchanged"
    other = text(model(name, endpoints=[{**ENDPOINT, "api_key": "sk-other"}]))
    assert plan_of(other) == [(name, "changed", ("api_key",))]
    bulk_apply(text=other, actor="tests")
    assert made.endpoints.get().api_key.reveal() == "sk-other"


@pytest.mark.parametrize("key", ["env:SECRET_KEY", " env:HOME", "密钥"])
def test_a_key_of_the_servers_environment_is_refused(name: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "canary-of-the-server")
    with pytest.raises(PlanWrong) as caught:
        bulk_apply(text=text(model(name, endpoints=[{**ENDPOINT, "api_key": key}])), actor="tests")
    (row,) = caught.value.plan.rows
    assert row.reasons[0].startswith("api_key: ")
    assert "canary" not in repr(caught.value.plan)
    assert not Model.objects.filter(name=name).exists()


def test_one_wrong_model_and_nothing_is_applied(name: str) -> None:
    revision = Revision.objects.get().value
    with pytest.raises(PlanWrong):
        bulk_apply(text=text(model(f"{name}-a"), model(f"{name}-b", kind="nothing")), actor="tests")
    assert Revision.objects.get().value == revision
    assert not Model.objects.filter(name__startswith=name).exists()


def test_what_does_not_change_is_not_written(name: str) -> None:
    (made,) = apply(model(name))
    bulk_apply(text=text(model(name), model(f"{name}-new")), actor="tests")
    assert Model.objects.get(pk=made.pk).revision == made.revision
    assert Model.objects.filter(name=f"{name}-new").exists()


def test_another_kind_needs_its_price(name: str) -> None:
    apply(model(name))
    file = text(model(name, kind="embedding", price=None))
    (row,) = bulk_plan(entries=bulk_read(file)).rows
    assert row.status == "wrong"
    assert "priced as kind llm" in row.reasons[0]


@pytest.mark.parametrize(
    ("line", "place"),
    [(f"{{api_key: {KEY}: x, vendor: [}}", "line 4, column"), (f'api_key: "{KEY}" x', "line 4, column")],
)
def test_a_mistake_beside_a_key_does_not_repeat_it(line: str, place: str) -> None:
    file = f"models:\n- name: a\n  endpoints:\n  - {line}\n"
    for read in (bulk_read, registry_parse):
        with pytest.raises(DocumentError, match=place) as told:
            read(file)
        assert KEY not in str(told.value)


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["- &a0 {name: [x, x, x, x, x, x, x, x, x, x]}"]
    lines += [f"- &a{n} {{name: [{', '.join([f'*a{n - 1}'] * 10)}], endpoints: *a{n - 1}}}" for n in range(1, 40)]
    before = time.process_time()
    with pytest.raises(DocumentError, match="aliases stand for more than"):
        bulk_read("models:\n" + "\n".join(lines))
    assert time.process_time() - before < 2


def test_a_long_mistake_is_not_repeated_by_aliases(database: None) -> None:
    """A thousand models of twenty endpoints, whose one mistake is as long as the file."""
    long = (
        f"models:\n- &m\n  name: a\n  kind: llm\n  endpoints:\n  - &e {{vendor: {'v' * 400_000}, inference_url: h}}\n"
    )
    with pytest.raises(DocumentError, match="aliases stand for more than"):
        bulk_read(long + "  - *e\n" * 19 + "- *m\n" * 900)
    rows = bulk_plan(entries=bulk_read(long + "  - *e\n" * 9)).rows
    assert sum(len(reason) for row in rows for reason in row.reasons) < 10_000


def test_aliases_that_shorten_a_file_are_taken(name: str) -> None:
    one = f"models:\n- name: {name}\n  kind: llm\n  price: &p {{free: true}}\n  endpoints: &e [{{{PLACE}}}]\n"
    more = "".join(f"- {{name: {name}-{n}, kind: llm, price: *p, endpoints: *e}}\n" for n in range(50))
    assert [status for _name, status, _changes in plan_of(one + more)] == ["new"] * 51


@pytest.mark.parametrize("given", [None, 3, "x", [], {"name": ["x"]}, {"name": None, "endpoints": [None]}])
def test_what_is_no_model_is_wrong_and_no_error(database: None, given: Any) -> None:
    (row,) = bulk_plan(entries=bulk_read(yaml.safe_dump({"models": [given]}))).rows
    assert row.status == "wrong"
    assert row.reasons


@pytest.mark.parametrize(("price", "statements_max"), [("2", 30), ("3", 30 + 60)])
def test_many_models_hold_the_ledger_for_few_statements(database: None, price: str, statements_max: int) -> None:
    """The first time they are new, the second time each has another price."""
    rows = "".join(f"few/{n},llm,ollama,http://h.com/v1,m{n},{KEY},{price},8,600\n" for n in range(60))
    with CaptureQueriesContext(connection) as statements:
        plan = bulk_apply(text=HEAD + rows, actor="tests")
    assert plan.count("new" if price == "2" else "changed") == 60
    assert len(statements) < statements_max


def test_files_applied_at_once_are_applied_one_after_the_other(name: str) -> None:
    """Also where none of them saw the models when it began."""

    def applied(file: str, start: threading.Barrier) -> int:
        start.wait()
        try:
            return len(bulk_apply(text=file, actor="tests").rows)
        finally:
            connection.close()

    for number in range(16):
        names = [f"{name}-{number}-{place}" for place in range(5)]
        first = text(*(model(one, endpoints=[{**ENDPOINT, "api_key": "sk-a"}]) for one in names))
        others = [model(one, price={"free": True}, endpoints=[{**ENDPOINT, "api_key": "sk-b"}]) for one in names]
        files = [first, text(*reversed(others)), first]
        start = threading.Barrier(len(files))
        with ThreadPoolExecutor(len(files)) as pool:
            assert list(pool.map(applied, files, [start] * len(files))) == [5, 5, 5]
        made = Model.objects.filter(name__in=names)
        assert [one.endpoints.count() for one in made] == [1] * 5


# --- there and back ---------------------------------------------------------------------------------
def test_both_exports_are_read_back_as_unchanged(name: str) -> None:
    endpoints = [
        {**ENDPOINT, "api_key": KEY, "priority": -1, "weight": 3},
        {**ENDPOINT, "inference_url": "https://b.example.com/v1", "auth": "raw", "thinking": "lift"},
    ]
    apply(
        model(f"{name}/a:1.5b", endpoints=endpoints, limits={"rpm": 5, "tpm": 7}, context_length=4096),
        model(f"={name}", price={"per_1k_tokens": "0.0155"}, stream_only=True),
        model(f"{name}-c", kind="ocr", price={"per_page": "0.01"}, endpoints=[{**ENDPOINT, "vendor": "yuanjing"}]),
        model(f"{name}-d", price=None, max_output_tokens=99),
        model(f"{name}-e", price={"free": True}),
    )
    rows = model_rows(models=Model.objects.filter(name__contains=name))
    for file in (registry_csv(rows=rows), registry_yaml(rows=rows)):
        assert [status for _name, status, _changes in plan_of(file)] == ["unchanged"] * 5
        assert KEY not in file
    assert registry_csv(rows=rows).startswith("\ufeff" + ",".join(COLUMNS))


def test_the_table_names_what_it_leaves_out(name: str) -> None:
    (made, _other) = apply(model(name), model(f"{name}-b"))
    made.endpoints.all().delete()
    file = registry_csv(rows=model_rows(models=Model.objects.filter(name__contains=name)))
    assert f"# left out, having no endpoint: {name}" in file
    assert [row[0] for row in plan_of(file)] == [f"{name}-b"]
