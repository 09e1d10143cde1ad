"""Other people's clients, in an environment of their own, against the gateway.

Each file of tests/clients is run by the Python of .venv/clients: those packages bind versions that are not the
product's, and a client has nothing of ours but a URL, a key and the names of models.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
from gateway_desk import Caller, Desk

from billing.models import UsageRecord
from local_models.catalog import LLM
from tests.local_models.conftest import running

pytestmark = pytest.mark.clients

ROOT = Path(__file__).resolve().parents[2]
CALLS = ROOT / "tests/clients"
CLIENTS = ROOT / ".venv/clients/bin"
RUN_S = 300
OPERATIONS = {
    "calls_cohere.py": {"rerank"},
    "calls_dashscope.py": {"chat", "embeddings", "rerank"},
    "calls_langchain.py": {"chat", "embeddings"},
    "calls_llama_index.py": {"rerank"},
    "calls_llm_cli.py": {"chat"},
    "calls_openai.py": {"chat"},
}


@pytest.fixture(scope="module", autouse=True)
def clients_are_installed() -> None:
    """Whoever asks for these tests wants them run: what is missing is a failure."""
    assert (CLIENTS / "python").exists(), f"{CLIENTS} is missing: make test-clients"


@pytest.fixture(scope="module")
def models(desk: Desk) -> dict[str, str]:
    return {
        "chat": desk.model("chat"),
        "cut": desk.model("chat;cut=2"),
        "tools": desk.model("chat;tools"),
        "thinking": desk.model("chat;reasoning=3", vendor="dashscope"),
        "json": desk.model('chat;text={"city":"北京"}'),
        "embedding": desk.model("embed;dims=8", kind="embedding"),
        "rerank": desk.model("rerank", kind="rerank"),
    }


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(
        command, env={**kept, **environment}, cwd=CALLS, capture_output=True, text=True, timeout=RUN_S, check=False
    )


@pytest.mark.parametrize("file", sorted(OPERATIONS))
def test_a_client_gets_what_it_expects_and_is_billed_by_the_upstreams_usage(
    caller: Caller, models: dict[str, str], file: str
) -> None:
    done = run(
        [str(CLIENTS / "python"), "-m", "pytest", "-c", "pytest.ini", file],
        GATEWAY_URL=caller.desk.url,
        GATEWAY_KEY=caller.secret,
        GATEWAY_MODELS=json.dumps(models),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
    caller.holds_nothing()
    records = UsageRecord.objects.filter(workspace=caller.workspace, outcome="success")
    assert set(records.values_list("operation", "usage_source")) == {(one, "upstream") for one in OPERATIONS[file]}


def test_every_file_of_clients_is_run() -> None:
    assert {path.name for path in CALLS.glob("calls_*.py")} == set(OPERATIONS)


# --- llm-comply: answers against OpenAI's schema -----------------------------------------------------
def comply(url: str, key: str, model: str) -> dict[str, list[str] | None]:
    """What was wrong with each of its nine tests; None where it was left out."""
    target = ["-u", f"{url}/v1", "-k", key, "-m", model]
    done = run([str(CLIENTS / "llm-comply"), *target, "--format", "openai-chat", "--json"])
    results = {one["id"]: one for one in json.loads(done.stdout)["results"]}
    assert len(results) == 9, done.stdout + done.stderr
    return {
        name: None if one["status"] == "skipped" else [*(one.get("errors") or []), *(one.get("warnings") or [])]
        for name, one in results.items()
    }


def test_answers_keep_to_openais_schema(caller: Caller) -> None:
    """llm-comply leaves out its test of thinking unless the name is that of a model that thinks."""
    model = caller.desk.model("chat;tools;reasoning=2", name="gpt-5-simulated")
    found = comply(caller.desk.url, caller.secret, model)
    assert {name: wrong for name, wrong in found.items() if wrong != []} == {}


def test_a_real_model_conforms_no_less_through_the_gateway(caller: Caller) -> None:
    """What it leaves out of its answers stays left out: they are passed on as they are. A bad request is refused."""
    with running("llm") as (_, url):
        bare = comply(url, "none", LLM.upstream_model)
        model = caller.desk.model([{"inference_url": f"{url}/v1", "model": LLM.upstream_model}])
        relayed = comply(caller.desk.url, caller.secret, model)
    assert passed(bare) == {"chat-streaming-response", "chat-streaming-usage"}
    assert passed(relayed) == {*passed(bare), "chat-error-handling"}


def passed(found: dict[str, list[str] | None]) -> set[str]:
    return {name for name, wrong in found.items() if wrong == []}
