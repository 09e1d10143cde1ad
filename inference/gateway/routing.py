"""Which endpoint next: healthy ones by priority, equals by weight; on failure the next, until bytes went out."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from inference.gateway.errors import GatewayError, UpstreamFailure
from inference.gateway.metrics import UPSTREAM_FAILURES
from inference.gateway.routes import EndpointRoute, ModelRoute

ATTEMPTS_MAX = 3
COOLING_S = 5.0

T = TypeVar("T")


class EndpointHealth:
    """What this process itself saw a moment ago: an endpoint that just failed is asked last."""

    def __init__(self) -> None:
        self.failed_at: dict[int, float] = {}

    def failed(self, endpoint: EndpointRoute) -> None:
        self.failed_at[endpoint.id] = time.monotonic()

    def answered(self, endpoint: EndpointRoute) -> None:
        if self.failed_at:
            self.failed_at.pop(endpoint.id, None)

    def is_cooling(self, endpoint: EndpointRoute) -> bool:
        failed_at = self.failed_at.get(endpoint.id)
        return failed_at is not None and time.monotonic() - failed_at < COOLING_S


def candidates(model: ModelRoute, health: EndpointHealth) -> list[EndpointRoute]:
    """Endpoints in the order to be tried. Raises GatewayError model_unavailable when none is healthy."""
    up = [endpoint for endpoint in model.endpoints if endpoint.is_up and not endpoint.blocked]
    if not up:
        raise GatewayError("model_unavailable", f"No endpoint of {model.name} is healthy right now. Try again shortly.")
    if len(up) == 1:
        return up
    # An exponential draw with the weight as its rate sorts equals into a weighted random order.
    draws = {endpoint.id: random.expovariate(endpoint.weight) for endpoint in up}
    up.sort(key=lambda endpoint: (health.is_cooling(endpoint), endpoint.priority, draws[endpoint.id]))
    return up[:ATTEMPTS_MAX]


async def first_that_answers(
    endpoints: list[EndpointRoute], health: EndpointHealth, attempt: Callable[[EndpointRoute], Awaitable[T]]
) -> T:
    """The first answer there is. Raises the last UpstreamFailure, or the one that is the caller's own fault."""
    failure: UpstreamFailure | None = None
    for endpoint in endpoints:
        try:
            answer = await attempt(endpoint)
        except UpstreamFailure as error:
            UPSTREAM_FAILURES.labels(error.code).inc()
            if error.is_callers_fault:
                raise
            health.failed(endpoint)
            failure = error
        else:
            health.answered(endpoint)
            return answer
    assert failure is not None
    raise failure
