"""The management API, put together from each room's router: /api/v1/…"""

import secrets
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from accounts.api import router as accounts_router
from accounts.api_auth import ApiError, BrowserSession, ManagementKey
from billing.api import router as billing_router
from inference.api.catalogs import router as catalogs_router
from inference.api.models import router as models_router
from inference.api.probe import router as probe_router
from inference.api.registry import router as registry_router
from inference.api.upstream import router as upstream_router
from models_registry.api import router as vendors_router


class ManagementApi(NinjaAPI):
    @cache  # noqa: B019 - there is one API
    def document(self) -> OpenAPISchema:
        """Made once, which takes longer than any page: nothing in it depends on who asks."""
        return super().get_openapi_schema()

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return self.document()


api = ManagementApi(
    title="Model Console",
    version="1",
    description="Manage models, keys and money. The calls themselves go to /v1: see /v1/openapi.json.",
    urls_namespace="api",
    auth=[ManagementKey(), BrowserSession()],
    docs_url="/docs",
)
api.add_router("", billing_router)
api.add_router("", accounts_router)
api.add_router("", vendors_router)
api.add_router("", catalogs_router)
api.add_router("", probe_router)
api.add_router("", upstream_router)
api.add_router("", registry_router)
api.add_router("", models_router)


def failure(request: HttpRequest, status: int, code: str, message: str, param: str | None = None) -> HttpResponse:
    request_id = f"req_{secrets.token_hex(16)}"
    kind = "invalid_request_error" if status < 500 else "api_error"
    detail = {"message": message, "type": kind, "param": param, "code": code}
    response: HttpResponse = api.create_response(request, {"error": detail, "request_id": request_id}, status=status)
    response["X-Request-Id"] = request_id
    return response


@csrf_exempt
def nothing_here(request: HttpRequest, path: str) -> HttpResponse:
    return failure(
        request, 404, "not_found", f"There is nothing at {request.path}. /api/v1/openapi.json lists the paths."
    )


@api.exception_handler(ApiError)
def on_api_error(request: HttpRequest, error: ApiError) -> HttpResponse:
    return failure(request, error.status, error.code, error.message, error.param)


@api.exception_handler(AuthenticationError)
def on_stranger(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    words = "Sign in, or send a key of scope management in the header Authorization: Bearer YOUR_KEY."
    return failure(request, 401, "invalid_api_key", words)


@api.exception_handler(Http404)
def on_missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return failure(request, 404, "not_found", str(error) or "There is no such object.")


@api.exception_handler(HttpError)
def on_refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    """What ninja itself refuses before an endpoint is asked: a body that is no JSON."""
    words = f"{error}."
    if isinstance(error.__cause__, ValueError):
        words = f"The body must be JSON, such as /api/v1/docs shows for this path: {error.__cause__}."
    return failure(request, error.status_code, "invalid_request_error", words)


@api.exception_handler(ValidationError)
def on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first: dict[str, Any] = error.errors[0] if error.errors else {"loc": (), "msg": "The request is not valid."}
    param = ".".join(str(part) for part in first["loc"][2:] or first["loc"][1:]) or None
    return failure(request, 422, "invalid_request_error", f"{param}: {first['msg']}" if param else first["msg"], param)
