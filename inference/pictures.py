"""Pictures that callers name by URL, fetched under the address policy."""

import httpx

from inference.http import guarded_client, is_blocked

CONNECT_S, READ_S, TOTAL_S = 5.0, 15.0, 30.0


class PictureError(Exception):
    """Why there is no picture; the words are for callers."""


def picture_fetch(url: str, size_max: int) -> tuple[bytes, str]:
    """The picture's bytes and content type. Raises PictureError."""
    try:
        with (
            guarded_client(connect_s=CONNECT_S, read_s=READ_S, total_s=TOTAL_S) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                raise PictureError(f"the server answered with status {response.status_code}")
            content_type = response.headers.get("content-type", "application/octet-stream").split(";")[0]
            return read_limited(response, size_max), content_type
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        if is_blocked(error):
            raise PictureError("its address is not one this gateway may call") from error
        raise PictureError("it could not be reached") from error


def read_limited(response: httpx.Response, size_max: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > size_max:
            raise PictureError(f"it is larger than {size_max // 1024 // 1024} MB")
    return bytes(body)
