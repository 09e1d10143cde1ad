"""For operators and their tools: alive, ready, and numbers."""

from collections.abc import Callable

from celery import current_app
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from console.planes import gateway_app


def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: this process answers."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def readyz(request: HttpRequest) -> JsonResponse:
    """Ready: everything a call needs is there. 503 names what is not."""
    parts = {name: check() for name, check in CHECKS.items()}
    return JsonResponse(
        {"ready": not any(parts.values()), **{name: fault or "ok" for name, fault in parts.items()}},
        status=503 if any(parts.values()) else 200,
    )


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus. With several workers each answers for itself: scrape them one by one, or sum over time."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


# --- what readiness looks at -----------------------------------------------------------------------
def database_fault() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:  # whatever it is, it is the answer
        return type(error).__name__
    return ""


def broker_fault() -> str:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=1)
    except Exception as error:
        return type(error).__name__
    return ""


def clerk_fault() -> str:
    gateway = gateway_app.gateway
    if gateway is None:
        return "not started"
    return "" if gateway.clerk.is_healthy else "not booking"


def snapshot_fault() -> str:
    gateway = gateway_app.gateway
    if gateway is None:
        return "not started"
    return "" if gateway.keeper.is_fresh else "not refreshed"


CHECKS: dict[str, Callable[[], str]] = {
    "database": database_fault,
    "broker": broker_fault,
    "clerk": clerk_fault,
    "snapshot": snapshot_fault,
}
