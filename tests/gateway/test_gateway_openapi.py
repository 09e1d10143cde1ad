"""The data plane keeps to its OpenAPI document."""

from collections.abc import Callable
from typing import Any

import pytest
from gateway_desk import Caller, Desk

from inference.gateway.native.speech import FORMS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def names(desk: Desk) -> dict[str, str]:
    """Path → a model it can call."""
    chat = desk.model("chat")
    kinds = {"embeddings": desk.model("embed", kind="embedding"), "rerank": desk.model("rerank", kind="rerank")}
    native = {path.partition("/v1/")[2]: form.operation for path, form in FORMS.items()}
    ours = {"chat/completions": chat, "completions": chat, "estimate": chat, **kinds}
    return {**ours, **{path: kinds.get(operation, chat) for path, operation in native.items()}}


def naming(names: dict[str, str]) -> Callable[[Any], None]:
    """Made-up calls name made-up models; these name one there is, so that they get further than 404."""

    def change(case: Any) -> None:
        name = names.get(case.operation.path.partition("/v1/")[2] or case.operation.path.removeprefix("/v2/"))
        if name and isinstance(case.body, dict):
            case.body["model"] = name

    return change


def breaches_of(desk: Desk, headers: dict[str, str], change: Callable[[Any], None]) -> list[str]:
    import schemathesis

    from tests.conformance import breaches

    schema = schemathesis.openapi.from_url(f"{desk.url}/v1/openapi.json")
    return breaches(schema, headers=headers, change=change)


def test_calls_of_models_there_are_keep_to_the_document(desk: Desk, caller: Caller, names: dict[str, str]) -> None:
    assert breaches_of(desk, caller.headers, naming(names)) == []


def test_calls_of_models_nobody_knows_keep_to_the_document(desk: Desk, caller: Caller) -> None:
    assert breaches_of(desk, caller.headers, naming({})) == []


def test_calls_without_a_key_keep_to_the_document(desk: Desk) -> None:
    assert breaches_of(desk, {}, naming({})) == []
