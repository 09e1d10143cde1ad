import asyncio
import threading

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from local_models.web import (
    CALLS_WAITING_MAX,
    WORKER,
    RequestRefusedError,
    check_model,
    create_app,
    openai_error,
    read_object,
)

BODY_BYTES_MAX = 1000


def post(path: str, *, count: int = 1, **request: object) -> list[tuple[int, dict[str, object]]]:
    """Status and JSON body of `count` equal requests sent at once to an app with two routes."""

    async def exchange() -> list[tuple[int, dict[str, object]]]:
        async with TestClient(TestServer(build_app())) as client:
            return list(await asyncio.gather(*(one(client) for _ in range(count))))

    async def one(client: TestClient) -> tuple[int, dict[str, object]]:
        async with client.post(path, **request) as response:
            return response.status, await response.json()

    return asyncio.run(exchange())


def build_app() -> web.Application:
    app = create_app(lambda: None, body_bytes_max=BODY_BYTES_MAX)
    line_is_full = threading.Event()
    arrived = 0

    async def echo(request: web.Request) -> web.Response:
        body = await read_object(request)
        check_model(body, "small")
        return web.json_response(body)

    async def broken(request: web.Request) -> web.Response:
        raise KeyError("a secret detail")

    async def slow(request: web.Request) -> web.Response:
        nonlocal arrived
        arrived += 1
        if arrived == CALLS_WAITING_MAX + 2:
            line_is_full.set()
        try:
            await request.app[WORKER].call(line_is_full.wait, 10)
        except RequestRefusedError as error:
            return web.json_response({"refused": error.message}, status=error.status)
        return web.json_response({})

    app.router.add_post("/echo", echo)
    app.router.add_post("/broken", broken)
    app.router.add_post("/slow", slow)
    return app


def message(answer: tuple[int, dict[str, object]]) -> tuple[int, object]:
    return answer[0], answer[1]["error"]["message"]


def test_a_json_object_reaches_the_handler():
    assert post("/echo", json={"model": "small"}) == [(200, {"model": "small"})]


def test_another_model_is_not_found():
    [answer] = post("/echo", json={"model": "big"})
    assert message(answer) == (404, "unknown model, this server has small")


def test_a_body_that_is_no_json_is_refused():
    [(status, body)] = post("/echo", data=b"{")
    assert status == 400
    assert body["error"]["type"] == "invalid_request_error"


def test_a_body_in_an_unknown_encoding_is_refused():
    headers = {"Content-Type": "application/json; charset=martian"}
    [(status, _)] = post("/echo", data=b"{}", headers=headers)
    assert status == 400


def test_json_that_is_no_object_is_refused():
    [answer] = post("/echo", json=[1])
    assert message(answer) == (400, "the body must be a JSON object")


def test_a_body_over_the_limit_is_413_in_json():
    [(status, body)] = post("/echo", data=b" " * (BODY_BYTES_MAX + 1))
    assert (status, body) == (413, openai_error(413, "Request Entity Too Large"))


def test_an_unknown_path_is_404_in_json():
    assert post("/nowhere") == [(404, openai_error(404, "Not Found"))]


def test_a_failure_inside_tells_no_detail():
    [answer] = post("/broken")
    assert message(answer) == (500, "the model failed on this request")


def test_a_full_line_refuses_the_next_call():
    answers = post("/slow", count=CALLS_WAITING_MAX + 2)
    assert sorted(status for status, _ in answers) == [200] * (CALLS_WAITING_MAX + 1) + [503]
