"""The keys part of the management API, and who is asking."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from ninja import Path, Query, Router, Schema, Status
from pydantic import ConfigDict, Field, StringConstraints

from accounts.api_auth import caller_of
from accounts.api_shapes import ERRORS
from accounts.models import ApiKey
from accounts.paging import PAGE_MAX, page_of
from accounts.selectors import api_key_revocable, api_keys_of
from accounts.services import api_key_create, api_key_revoke

router = Router(tags=["keys"])

PAGE_SIZE = 50
Scope = Literal["inference", "management"]
KeyName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=ApiKey.NAME_MAX, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
EXAMPLE: dict[str, Any] = {
    "id": 12,
    "name": "support bot",
    "prefix": "sk-7Qd4mA91",
    "scope": "inference",
    "created_at": "2026-11-21T06:31:25Z",
    "revoked_at": None,
}


class KeyOut(Schema):
    """An API key. Its secret is not kept and cannot be read again."""

    id: int
    name: str
    prefix: str = Field(description="How the key begins; enough to know it by.")
    scope: Scope
    created_at: datetime
    revoked_at: datetime | None = Field(description="When it was revoked; null while it works.")

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})


class KeyList(Schema):
    data: list[KeyOut]
    has_more: bool = Field(description="True where the next page has keys too.")


class KeyIn(Schema):
    name: KeyName = Field(description="Where the key is used.")
    scope: Scope = Field("inference", description="`management` includes `inference`.")

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "support bot", "scope": "inference"}}
    )


class KeyMade(KeyOut):
    """A new key. `secret` is shown in this answer and never again."""

    secret: str

    model_config = ConfigDict(json_schema_extra={"example": {**EXAMPLE, "secret": "sk-7Qd4mA91…"}})


class WorkspaceOut(Schema):
    id: int
    name: str


class Me(Schema):
    """Who the session or key speaks for."""

    username: str
    email: str
    is_admin: bool
    workspace: WorkspaceOut

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "username": "lin.yue",
                "email": "lin.yue@example.com",
                "is_admin": False,
                "workspace": {"id": 3, "name": "lin.yue"},
            }
        }
    )


@router.get("/me", response={200: Me, **ERRORS}, tags=["account"], summary="Who is asking")
def me(request: HttpRequest) -> Me:
    user, workspace = caller_of(request)
    return Me(
        username=user.username,
        email=user.email,
        is_admin=user.is_staff,
        workspace=WorkspaceOut(id=workspace.pk, name=workspace.name),
    )


@router.get("/keys", response={200: KeyList, **ERRORS}, summary="List API keys")
def key_list(request: HttpRequest, page: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 1) -> KeyList:
    """Keys of the caller's workspace: those in use first, then the revoked, newest first; 50 to a page."""
    user, workspace = caller_of(request)
    found = page_of(api_keys_of(user=user, workspace=workspace), page, PAGE_SIZE)
    return KeyList(data=[key_out(key) for key in found.rows], has_more=found.has_more)


@router.post("/keys", response={201: KeyMade, **ERRORS}, summary="Make an API key")
def key_make(request: HttpRequest, body: KeyIn) -> Status[KeyMade]:
    """The key belongs to the caller and the caller's workspace, so it can do no more than the caller may."""
    user, workspace = caller_of(request)
    issued = api_key_create(user=user, workspace=workspace, name=body.name, scope=body.scope)
    return Status(201, KeyMade(**key_out(issued.key).model_dump(), secret=issued.secret))


@router.post("/keys/{key_id}/revoke", response={200: KeyOut, **ERRORS}, summary="Revoke an API key")
def key_revoke(request: HttpRequest, key_id: Annotated[int, Path(ge=1)]) -> KeyOut:
    """Every worker refuses it within a second. A key that was revoked before stays as it is."""
    user, workspace = caller_of(request)
    try:
        key = api_key_revocable(user=user, workspace=workspace, key_id=key_id)
    except ApiKey.DoesNotExist as error:
        raise Http404("There is no such API key.") from error
    api_key_revoke(key=key, actor=user.username)
    key.refresh_from_db(fields=["revoked_at"])
    return key_out(key)


def key_out(key: ApiKey) -> KeyOut:
    return KeyOut(
        id=key.pk,
        name=key.name,
        prefix=key.prefix,
        scope="management" if key.scope == ApiKey.Scope.MANAGEMENT else "inference",
        created_at=key.created_at,
        revoked_at=key.revoked_at,
    )
