"""Every way a call can fail, as callers see it. The word is `code`; each has one status and one OpenAI type."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    status: int
    type: str


KINDS: Mapping[str, Kind] = {
    "invalid_request_error": Kind(400, "invalid_request_error"),
    "invalid_api_key": Kind(401, "invalid_request_error"),
    "insufficient_balance": Kind(402, "insufficient_quota"),
    "max_cost_exceeded": Kind(402, "insufficient_quota"),
    "permission_denied": Kind(403, "permission_error"),
    "model_not_found": Kind(404, "invalid_request_error"),
    "not_found": Kind(404, "invalid_request_error"),
    "method_not_allowed": Kind(405, "invalid_request_error"),
    "request_too_large": Kind(413, "invalid_request_error"),
    "rate_limit_exceeded": Kind(429, "rate_limit_error"),
    "internal_error": Kind(500, "server_error"),
    "upstream_error": Kind(502, "upstream_error"),
    "model_unavailable": Kind(503, "service_unavailable"),
    "ledger_unavailable": Kind(503, "service_unavailable"),
    "upstream_timeout": Kind(504, "upstream_error"),
}


class GatewayError(Exception):
    """A call ends here. `headers` go onto the answer."""

    def __init__(
        self, code: str, message: str, *, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        return KINDS[self.code].status

    def body(self, request_id: str) -> dict[str, Any]:
        return {
            "error": {
                "message": self.message,
                "type": KINDS[self.code].type,
                "param": self.param,
                "code": self.code,
            },
            "request_id": request_id,
        }


class BadRequest(GatewayError):
    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__("invalid_request_error", message, param=param)


class UpstreamFailure(GatewayError):
    """An endpoint did not answer. Another one may, unless the fault is the caller's."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        is_callers_fault: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message, headers=headers)
        self.is_callers_fault = is_callers_fault
