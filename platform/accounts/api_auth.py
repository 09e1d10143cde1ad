"""Who calls the management API: a signed-in browser (with CSRF), or a key whose scope is `management`."""

from typing import NamedTuple

from django.http import HttpRequest
from ninja.security import SessionAuth
from ninja.security.http import HttpAuthBase

from accounts.keys import key_digest
from accounts.models import ApiKey, User, Workspace
from accounts.selectors import workspace_personal

NO_MANAGEMENT = (
    "This API needs a key whose scope is management. Make one on the API keys page, or by POST /api/v1/keys "
    'with {"scope": "management"} from a signed-in browser.'
)


class ApiError(Exception):
    """Becomes the API's error body. `code` is the word of the data plane's table; `param` the field at fault."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param


class Caller(NamedTuple):
    """`request.auth` of every endpoint."""

    user: User
    workspace: Workspace

    @property
    def is_admin(self) -> bool:
        return self.user.is_staff


class BrowserSession(SessionAuth):
    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        user = request.user
        return Caller(user, workspace_personal(user=user)) if isinstance(user, User) and user.is_active else None


class ManagementKey(HttpAuthBase):
    """`Authorization: Bearer KEY`, or the bare key."""

    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Caller | None:
        given = request.headers.get("Authorization", "").strip()
        secret = given[7:].strip() if given[:7].lower() == "bearer " else given
        if not secret:
            return None
        digest = key_digest(secret.encode())
        key = ApiKey.objects.filter(digest=digest, revoked_at=None).select_related("user", "workspace").first()
        if key is None:
            raise ApiError(401, "invalid_api_key", "The API key is not valid: it is unknown or was revoked.")
        if not key.user.is_active:
            raise ApiError(403, "permission_denied", "The user this API key belongs to is deactivated.")
        if key.scope != ApiKey.Scope.MANAGEMENT:
            raise ApiError(403, "permission_denied", NO_MANAGEMENT)
        return Caller(key.user, key.workspace)


def caller_of(request: HttpRequest) -> Caller:
    caller: Caller = request.auth  # type: ignore[attr-defined]  # set by ninja from the classes above
    return caller


def admin_of(request: HttpRequest) -> Caller:
    """Raises ApiError permission_denied."""
    caller = caller_of(request)
    if not caller.is_admin:
        raise ApiError(403, "permission_denied", "Only an admin of the console may do this.")
    return caller
