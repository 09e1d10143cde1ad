"""What the gateway tells Prometheus."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("console_requests", "Data plane requests", ["operation", "status"])
RUNNING = Gauge("console_requests_running", "Data plane requests being answered")
DURATION = Histogram(
    "console_request_seconds",
    "From the first byte in to the last byte out",
    ["operation"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
)
TOKENS = Counter("console_tokens", "Tokens billed", ["direction"])
TOKENS_IN, TOKENS_OUT = TOKENS.labels("input"), TOKENS.labels("output")
UPSTREAM_FAILURES = Counter("console_upstream_failures", "Failed attempts at an endpoint", ["code"])


@cache
def answered(operation: str, status: int) -> tuple[Counter, Histogram]:
    """The series a request is counted in: finding them by their labels costs more than counting."""
    return REQUESTS.labels(operation, status), DURATION.labels(operation)
