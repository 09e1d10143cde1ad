"""Which parameters a model's chats may name: what all its endpoints know, each in the range they all allow."""

from collections import defaultdict
from collections.abc import Iterable

from models_registry.models import Endpoint
from models_registry.vendors import VENDORS
from models_registry.vendors.base import Json, Parameter
from models_registry.vendors.chat_parameters import PROFILE_PARAMETERS, USUAL
from models_registry.vendors.parameter_rules import Range

Parameters = tuple[Parameter, ...]


def chat_parameters(*, models: Iterable[str]) -> dict[str, Parameters]:
    """By model, in one query; the usual ones for a model that has no endpoint."""
    found: dict[str, list[Parameters]] = defaultdict(list)
    names = list(models)
    rows = Endpoint.objects.filter(model__name__in=names).order_by("priority", "id")
    for name, vendor, profile in rows.values_list("model__name", "vendor", "parameter_profile"):
        found[name].append(endpoint_parameters(vendor, profile))
    return {name: common(found[name]) if found[name] else USUAL for name in names}


def endpoint_parameters(slug: str, profile: str) -> Parameters:
    vendor = VENDORS.get(slug)
    if vendor is None or "llm" not in vendor.kinds:
        return USUAL
    implied = PROFILE_PARAMETERS.get(vendor.parameter_profile(profile))
    return implied or vendor.kinds["llm"].parameters


def common(lists: list[Parameters]) -> Parameters:
    """What is in all of them, in the order of the first."""
    kept = lists[0]
    for others in lists[1:]:
        known = {other.name: other for other in others}
        kept = tuple(narrowed(one, known[one.name]) for one in kept if one.name in known)
    return kept


def narrowed(one: Parameter, other: Parameter) -> Parameter:
    if isinstance(one.rule, Range) and isinstance(other.rule, Range):
        return one._replace(rule=one.rule.meeting(other.rule))
    return one


def known_only(values: Json, parameters: Parameters) -> Json:
    """What one model of several is sent."""
    names = {parameter.name for parameter in parameters}
    return {name: value for name, value in values.items() if name in names}
