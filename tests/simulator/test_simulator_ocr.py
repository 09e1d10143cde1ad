from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx
    from simulator_caller import Caller

PICTURE = b"\x89PNG\r\n\x1a\n\x00\xff--x\r\n"


def read(caller: Caller, path: str = "/openapi/v1/unicom-ocr", sim: str = "") -> httpx.Response:
    return caller.http.post(path, files={"file": ("发票.png", PICTURE, "image/png")}, headers={"X-Sim": sim})


def test_a_picture_is_read_in_yuanjing_shape(caller: Caller) -> None:
    reply = read(caller).json()
    text = "page 1 of 发票.png"
    page = {"page_num": [1], "type": "text", "text": text, "length": len(text)}
    assert reply == {"code": 0, "message": "success", "data": [page], "time_cost": 0.12}
    assert caller.upstream.requests[-1].json is None
    assert PICTURE in caller.upstream.requests[-1].body


@pytest.mark.parametrize(
    ("path", "sim"),
    [
        ("/v1/unicom-ocr", "pages=3"),
        ("/v1/unicom-ocr?sim=pages%3D3", ""),
        ("/sim;pages=3/openapi/v1/unicom-ocr", ""),
    ],
)
def test_pages_come_from_header_query_or_path(caller: Caller, path: str, sim: str) -> None:
    pages = [item["page_num"] for item in read(caller, path, sim).json()["data"]]
    assert pages == [[1], [2], [3]]


def test_switches_come_from_a_model_field_too(caller: Caller) -> None:
    files = {"file": ("a.png", PICTURE)}
    reply = caller.http.post("/unicom-ocr", files=files, data={"model": "ocr;text=甲,乙"}).json()
    assert reply["data"][0]["text"] == "甲乙"


def test_an_unknown_shape_can_be_had(caller: Caller) -> None:
    assert set(read(caller, sim="ocr=unknown").json()) == {"result", "status"}


def test_a_form_without_a_file_is_refused(caller: Caller) -> None:
    assert caller.http.post("/unicom-ocr", files={"picture": ("a.png", PICTURE)}).status_code == 400
    assert caller.post("/unicom-ocr", {"file": "a"}).status_code == 400


def test_faults_hold_here_too(caller: Caller) -> None:
    assert read(caller, sim="status=500").status_code == 500
    assert read(caller, sim="empty").json()["data"] == []
    assert len(read(caller, sim="huge=5000").json()["data"][0]["text"]) == 5000
