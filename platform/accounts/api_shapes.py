"""Shapes every room's API uses."""

from ninja import Schema


class ErrorDetail(Schema):
    message: str
    type: str
    param: str | None = None
    code: str


class ErrorBody(Schema):
    """The error body of both planes."""

    error: ErrorDetail
    request_id: str


ERRORS = dict.fromkeys((400, 401, 403, 404, 409, 422), ErrorBody)
