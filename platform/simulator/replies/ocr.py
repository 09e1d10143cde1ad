"""元景's OCR, and the list of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.replies.shapes import RefusedError, json_body

if TYPE_CHECKING:
    from simulator.replies.shapes import Body, Call

MODELS = ("chat", "completion", "embedding", "rerank", "ocr")


def unicom_ocr(call: Call) -> Body:
    if call.file_name is None:
        raise RefusedError("the form has no field 'file'")
    if call.switches.ocr == "unknown":
        return json_body({"result": {"blocks": [{"words": f"text of {call.file_name}"}]}, "status": "ok"})
    count = 0 if call.switches.empty else call.switches.pages
    data = [_page(call, number) for number in range(1, count + 1)]
    return json_body({"code": 0, "message": "success", "data": data, "time_cost": 0.12})


def models(call: Call) -> Body:
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "simulator"} for name in MODELS]
    return json_body({"object": "list", "data": [] if call.switches.empty else data})


def _page(call: Call, number: int) -> dict[str, Any]:
    text = "".join(call.switches.text) or f"page {number} of {call.file_name}"
    if call.switches.huge:
        text = "x" * (call.switches.huge // call.switches.pages)
    return {"page_num": [number], "type": "text", "text": text, "length": len(text)}
