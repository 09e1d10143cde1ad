"""An OpenAPI document against what answers: schemathesis makes up calls, the document has to allow each answer."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 8  # calls of each operation

Change = Callable[[Any], None]


def breaches(schema: Any, *, headers: dict[str, str], change: Change = lambda case: None, **session: Any) -> list[str]:
    """What was wrong, one text per operation. `change` may set what a made-up call cannot guess."""
    found = []
    for result in schema.get_all_operations():
        operation = result.ok() if isinstance(result, Ok) else None
        if operation is None:
            found.append(f"the document is wrong: {result.err()}")
            continue
        try:
            exercise(operation, headers, change, session)
        except (Exception, BaseExceptionGroup) as error:  # whatever is raised, it is the finding
            found.append(f"{operation.label}: {error_text(error)}")
    return found


def exercise(operation: Any, headers: dict[str, str], change: Change, session: dict[str, Any]) -> None:
    """The same calls at every run: nothing is random, nothing is kept."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        change(case)
        case.call_and_validate(headers=headers, checks=CHECKS, **session)

    call()


def error_text(error: BaseException) -> str:
    inner = getattr(error, "exceptions", None)
    return " | ".join(error_text(one) for one in inner) if inner else f"{type(error).__name__}: {error}"[:1500]
