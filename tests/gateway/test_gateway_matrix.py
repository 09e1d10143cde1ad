"""Every vendor × every kind × every fault of an upstream: what the caller sees, and the bill to the nano-yuan.

All calls are made at once, over real sockets; each cell of the table is then a test of its own. Bills are added up
here by hand, from the price and from what the simulator counts, or the estimator where it says nothing.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from gateway_desk import CHAT, QUESTION, TOKENS_PRICE, Caller, Desk, Events

from billing.checking import ledger_check
from models_registry.vendors import VENDORS
from models_registry.vendors.probe_image import PROBE_PNG
from simulator.server import SimulatorThread

INPUT, OUTPUT, PAGE = 2_000, 8_000, 10_000_000  # nano-yuan for a token in, a token out, and a page
OCR_PRICE = {"per_page": "0.01"}

COLUMNS = ("chat", "stream", "embedding", "rerank", "ocr")
KINDS = {"chat": "llm", "stream": "llm"}
SAID = {  # the simulator counts words and CJK characters: 你好 world is 4 tokens, "w1 w2 … w8 " is 8
    "chat": 4 * INPUT + 8 * OUTPUT,
    "stream": 4 * INPUT + 8 * OUTPUT,
    "embedding": (4 + 1) * INPUT,
    "rerank": (3 + 4 + 1) * INPUT,
    "ocr": 1 * PAGE,
}
COUNTED = {  # docs/billing.md: 0.6 a CJK character, 0.3 any other, rounded up for each text; 4 a message, 3 a chat
    "chat": (3 + 4 + 3) * INPUT + 8 * OUTPUT,
    "stream": (3 + 4 + 3) * INPUT + 8 * OUTPUT,
    "embedding": (3 + 1) * INPUT,
    "rerank": (2 + 3 + 1) * INPUT,
    "ocr": 1 * PAGE,  # of an upstream that says no usage the pages are counted, as of any other
}
THREE_WORDS = (3 + 4 + 3) * INPUT + 3 * OUTPUT  # the prompt as counted, and "w1 w2 w3 "
BODIES: dict[str, Any] = {
    "chat": {"messages": QUESTION},
    "stream": {"messages": QUESTION, "stream": True},
    "embedding": {"input": ["你好 world", "hi"]},
    "rerank": {"query": "你好", "documents": ["你好 world", "hi"]},
}
PATHS = {"chat": CHAT, "stream": CHAT, "embedding": "/v1/embeddings", "rerank": "/v1/rerank", "ocr": "/v1/ocr"}


class Cell(NamedTuple):
    """What the caller must see. `code`: of the error, which in a 200 is the event that ends the stream."""

    status: int
    code: str = ""
    bill: dict[str, int] | int = 0


OK = Cell(200, bill=SAID)
EST = Cell(200, bill=COUNTED)  # answered, and billed by the estimator
BAD = Cell(502, "upstream_error")
LATE = Cell(504, "upstream_timeout")
FULL = Cell(429, "rate_limit_exceeded")
CUT = Cell(200, "upstream_error", THREE_WORDS)  # a stream that ended after three words
MUTE = Cell(200, "upstream_timeout", THREE_WORDS)
MUM = Cell(200, "upstream_error")  # one that began and said nothing
___ = None  # makes no sense there

TLS = "tls"  # no switch, but another simulator, whose certificate nobody can verify

FAULTS: dict[str, tuple[Cell | None, ...]] = {
    # switches of the simulator   chat  stream embed. rerank ocr
    "":                          (OK,   OK,    OK,    OK,    OK),
    "first_ms=80":               (OK,   OK,    OK,    OK,    OK),
    "chunk_ms=10":               (___,  OK,    ___,   ___,   ___),
    "usage=none":                (EST,  EST,   EST,   EST,   EST),
    "usage=odd":                 (OK,   OK,    OK,    OK,    OK),
    "usage=first":               (OK,   OK,    ___,   ___,   ___),
    "usage=each":                (OK,   OK,    ___,   ___,   ___),
    "usage_shape=input_output":  (OK,   OK,    OK,    OK,    OK),
    "usage=only":                (BAD,  MUM,   BAD,   BAD,   ___),
    "error200":                  (BAD,  BAD,   BAD,   BAD,   BAD),
    "empty":                     (BAD,  BAD,   BAD,   BAD,   OK),  # a picture without text is a page
    "empty=body":                (BAD,  BAD,   BAD,   BAD,   BAD),
    "empty=eof":                 (BAD,  BAD,   BAD,   BAD,   BAD),
    "html=200":                  (BAD,  BAD,   BAD,   BAD,   BAD),
    "html=404":                  (BAD,  BAD,   BAD,   BAD,   BAD),
    "status=302":                (BAD,  BAD,   BAD,   BAD,   BAD),
    "status=401":                (BAD,  BAD,   BAD,   BAD,   BAD),
    "status=429;retry_after=42": (FULL, FULL,  FULL,  FULL,  FULL),
    "status=500":                (BAD,  BAD,   BAD,   BAD,   BAD),
    "bare":                      (___,  ___,   ___,   BAD,   ___),  # 元景 always answers so, and is understood
    "huge=300000":               (OK,   OK,    OK,    OK,    OK),
    "badutf8":                   (BAD,  OK,    BAD,   BAD,   BAD),  # one event of many is mended
    "half":                      (___,  OK,    ___,   ___,   ___),
    "crlf":                      (___,  OK,    ___,   ___,   ___),
    "comment":                   (___,  OK,    ___,   ___,   ___),
    "no_done":                   (___,  OK,    ___,   ___,   ___),
    "cut=0":                     (BAD,  BAD,   BAD,   BAD,   BAD),
    "cut=3":                     (BAD,  CUT,   BAD,   BAD,   BAD),
    "reset":                     (BAD,  BAD,   BAD,   BAD,   BAD),
    "reset_at=3":                (BAD,  CUT,   BAD,   BAD,   BAD),
    "error_at=0":                (___,  BAD,   ___,   ___,   ___),
    "error_at=3":                (___,  CUT,   ___,   ___,   ___),
    TLS:                         (BAD,  BAD,   BAD,   BAD,   BAD),
    "hang":                      (LATE, LATE,  LATE,  LATE,  LATE),
    "hang_at=3":                 (LATE, MUTE,  LATE,  LATE,  LATE),
}  # fmt: skip
WITHOUT_USAGE = {"yuanjing"}  # of their rerank


class Square(NamedTuple):
    """One cell of one vendor."""

    vendor: str
    column: str
    switches: str

    @property
    def cell(self) -> Cell:
        given = FAULTS[self.switches][COLUMNS.index(self.column)]
        assert given
        if self.column == "rerank" and self.vendor in WITHOUT_USAGE and (given is OK or self.switches == "bare"):
            return EST
        return given

    @property
    def bill(self) -> int:
        bill = self.cell.bill
        return bill if isinstance(bill, int) else bill[self.column]

    @property
    def hangs(self) -> bool:
        return self.cell.code == "upstream_timeout"

    @property
    def kind(self) -> str:
        return KINDS.get(self.column, self.column)

    def __str__(self) -> str:
        return f"{self.switches or 'ok'}-{self.vendor}-{self.column}"


SQUARES = [
    Square(slug, column, switches)
    for switches, cells in FAULTS.items()
    for slug, vendor in VENDORS.items()
    for column, cell in zip(COLUMNS, cells, strict=True)
    if cell and (kind := vendor.kinds.get(KINDS.get(column, column))) and (column != "stream" or kind.dialect.streams)
]


# --- the calls -------------------------------------------------------------------------------------
@dataclass
class Matrix:
    """The answers of all squares, made by one caller at each of two gateways."""

    answers: dict[Square, Future[httpx.Response]]  # all done; one that failed fails its own cell alone
    callers: list[Caller]


@pytest.fixture(scope="module")
def matrix(desk: Desk, hasty_desk: Desk, secured_simulator: SimulatorThread) -> Matrix:
    """Only what hangs is asked of the hasty gateway: the others may take their time on a busy machine."""
    patient, hasty = desk.caller(), hasty_desk.caller()
    callers = {square: hasty if square.hangs else patient for square in SQUARES}
    plain, secured = desk.simulator.url, secured_simulator.url
    models = {square: model_of(square, secured if square.switches == TLS else plain) for square in SQUARES}
    desk.models(list({model["name"]: model for model in models.values()}.values()))
    hasty_desk.settle_snapshot()
    assert patient.secret, "the key is known before many threads ask for it"
    assert hasty.secret
    with ThreadPoolExecutor(12) as pool:
        calls = {one: pool.submit(asked, callers[one], one, models[one]["name"]) for one in SQUARES}
    return Matrix(calls, [patient, hasty])


def model_of(square: Square, url: str) -> dict[str, Any]:
    """The vendor's own path, behind a segment that holds the switches: not every request names a model."""
    base = urlsplit(VENDORS[square.vendor].kinds[square.kind].default_url).path or "/v1"
    name = f"matrix-{square.vendor}-{square.kind}-{square.switches.replace(';', '-') or 'ok'}"
    switches = "" if square.switches == TLS else square.switches
    endpoint = {"vendor": square.vendor, "inference_url": f"{url}/sim;{switches}{base}", "model": square.kind}
    price = OCR_PRICE if square.kind == "ocr" else TOKENS_PRICE
    return {"name": name, "kind": square.kind, "price": price, "endpoints": [endpoint]}


def asked(caller: Caller, square: Square, model: str) -> httpx.Response:
    if square.column == "ocr":
        files = {"file": ("a.png", PROBE_PNG, "image/png")}
        return caller.desk.http.post("/v1/ocr", data={"model": model}, files=files, headers=caller.headers)
    return caller.post(PATHS[square.column], {"model": model, **BODIES[square.column]})


# --- the cells -------------------------------------------------------------------------------------
@pytest.mark.parametrize("square", SQUARES, ids=str)
def test_the_caller_sees_what_happened_and_pays_for_just_that(matrix: Matrix, square: Square) -> None:
    response, cell = matrix.answers[square].result(), square.cell
    assert response.status_code == cell.status, response.text[:500]
    shown = (
        check_stream(response, cell)
        if "event-stream" in response.headers["content-type"]
        else check_body(response, cell)
    )
    caller = matrix.callers[cell.code == "upstream_timeout"]
    record = caller.record(response.headers["x-request-id"])
    assert record.cost_nano == square.bill
    assert shown == yuan(square.bill)
    assert record.error_code == cell.code
    assert record.outcome == ("success" if not cell.code else "broken_off" if square.bill else "failed")


def check_body(response: httpx.Response, cell: Cell) -> str:
    """The cost that the headers tell."""
    assert response.json().get("error", {}).get("code", "") == cell.code
    assert response.headers.get("retry-after") == ("42" if cell is FULL else None)
    return response.headers["x-request-cost"]


def check_stream(response: httpx.Response, cell: Cell) -> str:
    """The cost that the comment before the end tells. Only a good stream has [DONE]; an error event is the last."""
    events = Events(response)
    assert events.is_done == (not cell.code)
    assert (events.error or {}).get("code", "") == cell.code
    if cell.code:
        assert events.text == ("w1 w2 w3 " if cell.bill else "")
    return events.money[0]


def yuan(nano: int) -> str:
    return f"{nano // 10**9}.{nano % 10**9:09}"


def test_the_bills_are_all_that_was_taken(matrix: Matrix) -> None:
    for caller, is_hasty in zip(matrix.callers, (False, True), strict=True):
        bills = [square.bill for square in SQUARES if square.hangs == is_hasty]
        caller.holds_nothing()
        assert caller.balance_nano == 1000 * 10**9 - sum(bills)
        assert caller.records() == len(bills)
    assert ledger_check().findings == []


def test_every_vendor_and_kind_has_its_cells() -> None:
    walked = {(square.vendor, square.kind) for square in SQUARES}
    assert walked == {(slug, kind) for slug, vendor in VENDORS.items() for kind in vendor.kinds}
