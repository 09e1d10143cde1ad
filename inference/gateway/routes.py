"""What the hot path knows: callers, models and endpoints, as immutable values of one revision."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from billing.pricing import Price
from models_registry.secret import Secret
from models_registry.vendors.base import Dialect


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a key speaks for; without a key, a signed-in user whose call is made inside this process."""

    key_id: int | None
    workspace_id: int
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class EndpointRoute:
    """One place to call. `blocked` says why its address may not be called, where that is known beforehand."""

    id: int
    vendor: str
    dialect: Dialect
    inference_url: str
    upstream_model: str
    headers: Mapping[str, str] = field(repr=False)
    secret: Secret
    priority: int
    weight: int
    is_up: bool
    blocked: str = ""
    thinking: str = "leave"
    parameter_profile: str = "none"
    inputs_max: int | None = None
    tls: ssl.SSLContext | None = field(default=None, repr=False)  # None: the system's roots


@dataclass(frozen=True, slots=True)
class Limits:
    """Per workspace and model; None is no limit."""

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class ModelRoute:
    id: int
    name: str
    kind: str
    price: Price
    limits: Limits
    stream_only: bool
    context_length: int | None
    max_output_tokens: int | None
    created_at: int  # seconds since 1970
    endpoints: tuple[EndpointRoute, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    revision: int = -1
    principals: Mapping[bytes, Principal] = field(default_factory=dict, repr=False)
    models: Mapping[str, ModelRoute] = field(default_factory=dict, repr=False)
