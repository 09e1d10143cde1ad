"""What 通义千问's document says in words, beside its table of ranges: where `system` stands, and who searches. Pure."""

import re

from models_registry.vendors.base import Json
from models_registry.vendors.parameter_profiles import Violation

SIZE = re.compile(r"[-:_.]\d+(?:\.\d+)?b(?:$|[-:_.;])")  # of the weights: only open models say it in their names


def qwen_violation(request: Json, upstream_model: str) -> Violation | None:
    if not reads_documents(upstream_model) and (index := misplaced_system(request)) is not None:
        name = f"messages[{index}].role"
        return Violation(name, f"'{name}' must not be 'system': Qwen takes a system message as messages[0] alone.")
    if request.get("enable_search") and (series := series_without_search(upstream_model)):
        return Violation(
            "enable_search",
            f"'enable_search' is not taken by {request.get('model')!r}, a model of {series}. "
            "Leave it out, or call a model that searches, such as qwen-plus.",
        )
    return None


def misplaced_system(request: Json) -> int | None:
    """Where a `system` message stands that is not the first. The order of the others is the vendor's to judge."""
    messages = request.get("messages")
    roles = [one.get("role") if isinstance(one, dict) else None for one in messages or []]
    return roles.index("system", 1) if "system" in roles[1:] else None


def reads_documents(upstream_model: str) -> bool:
    """qwen-long is given texts and `fileid://…` in system messages after the first, says the vendor's page about it."""
    return bare_name(upstream_model).startswith("qwen-long")


def series_without_search(upstream_model: str) -> str:
    """The series of this model that the document leaves out of `enable_search`; "" where it is of none."""
    name = bare_name(upstream_model)
    if name.startswith("qwen-vl"):
        return "the qwen-vl series"
    if name.startswith("qwen-long"):
        return "the qwen-long series"
    if name.startswith(("qwen", "qwq", "qvq")) and SIZE.search(name):
        return "the open-source Qwen series"
    return ""


def bare_name(upstream_model: str) -> str:
    """Without the organisation of `Qwen/Qwen3-32B`."""
    return upstream_model.lower().rpartition("/")[2]
