"""Pictures that callers name by URL, fetched under the address policy."""

import time

import httpx

from inference.http import ReplyTooLarge, guarded_client, is_blocked, read_plain

CONNECT_S, READ_S, TOTAL_S = 5.0, 15.0, 30.0
TAKEN = frozenset({"application/pdf", "application/octet-stream"})  # and image/*


class PictureError(Exception):
    """Why there is no picture: a predicate for callers. Most failures read the same, or they would map networks."""


def picture_fetch(url: str, size_max: int, until: float) -> tuple[bytes, str]:
    """The picture's bytes and content type, before the monotonic clock says `until`. Raises PictureError."""
    try:
        with (
            guarded_client(connect_s=CONNECT_S, read_s=READ_S, total_s=until - time.monotonic()) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                raise PictureError("could not be fetched")
            content_type = taken_type(response.headers.get("content-type", ""))
            return read_plain(response, size_max), content_type
    except ReplyTooLarge as error:
        raise PictureError(f"is larger than {size_max // 1024 // 1024} MB") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        if is_blocked(error):
            raise PictureError("could not be fetched: its address is not one this gateway may call") from error
        raise PictureError("could not be fetched") from error


def taken_type(header: str) -> str:
    content_type = header.split(";")[0].strip().lower() or "application/octet-stream"
    if content_type.startswith("image/") or content_type in TAKEN:
        return content_type
    raise PictureError("is neither a picture nor a PDF: its server gives it another content type")
