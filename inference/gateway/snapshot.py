"""Keeps the snapshot fresh: looks at the revision every 0.4 s and loads only what changed since."""

import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from urllib.parse import urlsplit

from django.db import Error, connection
from django.db.models import Prefetch

from accounts.models import ApiKey
from accounts.revision import revision_current
from billing.pricing import Price as PriceInForce
from inference.gateway.routes import EndpointRoute, Limits, ModelRoute, Principal, Snapshot
from inference.netguard import BlockedAddress, check_literal
from inference.tls import tls_context
from models_registry.models import Endpoint, Model, Price
from models_registry.vendors import VENDORS

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.4
STALE_AFTER_S = 10.0


def snapshot_load(old: Snapshot) -> Snapshot:
    """The newest snapshot; `old` itself where nothing changed.

    Revisions commit in order (see accounts.revision), so all rows stamped above the old revision are all that
    changed. Keys are revoked and never deleted; models may be deleted, so their ids are compared.
    """
    revision = revision_current()
    if revision == old.revision:
        return old
    return Snapshot(revision, principals_load(old), models_load(old))


def principals_load(old: Snapshot) -> dict[bytes, Principal]:
    changed = ApiKey.objects.filter(revision__gt=old.revision)
    if old.revision < 0:
        changed = changed.filter(revoked_at=None)
    principals = dict(old.principals)
    rows = changed.values_list("digest", "revoked_at", "id", "workspace_id", "user__is_active")
    for digest, revoked_at, key_id, workspace_id, is_active in rows.iterator(chunk_size=5000):
        if revoked_at is None:
            principals[bytes(digest)] = Principal(key_id, workspace_id, is_active)
        else:
            principals.pop(bytes(digest), None)
    return principals


def models_load(old: Snapshot) -> dict[str, ModelRoute]:
    served = set(Model.objects.filter(state=Model.State.ENABLED).values_list("id", flat=True))
    changed = Model.objects.filter(state=Model.State.ENABLED, revision__gt=old.revision).prefetch_related(
        "endpoints", Prefetch("prices", Price.objects.order_by("-id"))
    )
    models = list(changed)
    fresh = [route for model in models if (route := served_route(model))]
    replaced = {model.pk for model in models}
    kept = {name: route for name, route in old.models.items() if route.id in served and route.id not in replaced}
    return kept | {route.name: route for route in fresh}


def served_route(model: Model) -> ModelRoute | None:
    """One broken row must not keep the others, nor the revocation of keys, from taking effect."""
    try:
        return model_route(model)
    except Exception:
        log.exception("model %s cannot be served", model.name)
        return None


def model_route(model: Model) -> ModelRoute:
    return ModelRoute(
        id=model.pk,
        name=model.name,
        kind=model.kind,
        price=price_in_force(model.prices.all()),
        limits=Limits(model.rpm, model.tpm, model.concurrency),
        stream_only=model.stream_only,
        context_length=model.context_length,
        max_output_tokens=model.max_output_tokens,
        created_at=int(model.created_at.timestamp()),
        endpoints=tuple(endpoint_route(model, endpoint) for endpoint in model.endpoints.all()),
    )


def price_in_force(prices: Iterable[Price]) -> PriceInForce:
    newest = next(iter(prices))  # enabling demands one
    return PriceInForce(newest.pk, newest.input_nano, newest.output_nano, newest.call_nano, newest.page_nano)


def endpoint_route(model: Model, endpoint: Endpoint) -> EndpointRoute:
    key = endpoint.api_key
    raw = endpoint.auth == Endpoint.Auth.RAW
    vendor = VENDORS[endpoint.vendor]
    spec = vendor.kinds[model.kind]
    profile = vendor.parameter_profile(endpoint.parameter_profile)
    return EndpointRoute(
        id=endpoint.pk,
        vendor=endpoint.vendor,
        dialect=spec.qwen_dialect if spec.qwen_dialect and profile == "qwen" else spec.dialect,
        inference_url=endpoint.inference_url,
        upstream_model=endpoint.upstream_model,
        headers={"Authorization": key.reveal() if raw else f"Bearer {key.reveal()}"} if key else {},
        secret=key,
        priority=endpoint.priority,
        weight=endpoint.weight,
        is_up=endpoint.health != Endpoint.Health.DOWN,
        blocked=why_blocked(endpoint.inference_url),
        thinking=endpoint.thinking,
        parameter_profile=profile,
        inputs_max=spec.inputs_max,
        tls=tls_context(endpoint.ca_certificates) if endpoint.ca_certificates else None,
    )


def why_blocked(url: str) -> str:
    """A host that is an address is judged here, once; a name when it is resolved."""
    try:
        check_literal(urlsplit(url).hostname or "")
    except BlockedAddress as error:
        return str(error)
    return ""


class SnapshotKeeper:
    """A thread that swaps `current`. Readers take it once per request and never wait."""

    def __init__(self) -> None:
        self.current = Snapshot()
        self.looked_at = 0.0
        self.stopping = threading.Event()
        self.started: Future[None] = Future()
        self.thread = threading.Thread(target=self.work, name="snapshot", daemon=True)

    def start(self) -> None:
        """Raises where the first snapshot cannot be loaded: a gateway that knows nobody should not start."""
        self.thread.start()
        self.started.result()

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join(5)

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.looked_at < STALE_AFTER_S

    def work(self) -> None:
        try:
            self.look()
        except BaseException as error:
            connection.close()
            self.started.set_exception(error)
            return
        self.started.set_result(None)
        while not self.stopping.wait(LOOK_EVERY_S):
            try:
                self.look()
            except Error as error:
                log.warning("the snapshot could not be refreshed: %s", error)
                connection.close()
            except Exception:
                log.exception("the snapshot could not be refreshed")
        connection.close()

    def look(self) -> None:
        self.current = snapshot_load(self.current)
        self.looked_at = time.monotonic()
