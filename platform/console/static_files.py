"""whitenoise, so that a file is answered whole.

Its own answer is a synchronous stream, which Django under ASGI has to read chunk by chunk in a thread, and warns about.
Ours are small: the largest is Swagger's, 1.4 MB.
"""

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise ships no types
    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with found.file:
                content = found.file.read()
        response = HttpResponse(content, status=int(found.status))
        del response["Content-Type"]  # whitenoise knows better
        for name, value in found.headers:
            response[name] = value
        return response
