"""The most a request may cost, and the output cap that its balance pays for. Pure."""

from accounts.money import MoneyError, nano_to_yuan, yuan_to_nano
from billing.estimator import extras_tokens, messages_tokens, texts_tokens
from billing.pricing import Quote
from inference.gateway.errors import BadRequest, GatewayError
from inference.gateway.routes import ModelRoute
from models_registry.vendors.base import Json

DEFAULT_CAP_TOKENS = 4096  # for the hold only, where neither caller nor model names a limit
CAP_NAMES = ("max_tokens", "max_completion_tokens")
# What steers a call without being read by the model. Anything else that goes upstream may end in the
# prompt: tools, response_format, suffix, and what vendors will think of.
SETTINGS = frozenset(
    {
        "model", "stream", "stream_options", "encoding_format", "stop", "logit_bias", "user", "service_tier",
        "reasoning_effort", "modalities", "prompt_cache_key", "safety_identifier",
    }
)  # fmt: skip
BESIDE = {
    name: SETTINGS | {field}
    for name, field in (("chat", "messages"), ("completions", "prompt"), ("embeddings", "input"))
}


def quote_for(operation: str, request: Json, model: ModelRoute) -> Quote:
    """Prompt estimate plus output cap × choices."""
    prompt = prompt_tokens(operation, request)
    if operation not in {"chat", "completions"}:
        return Quote(model.price, prompt, pages=pages_estimate(request) if operation == "ocr" else 0)
    return Quote(model.price, prompt, output_cap(request, model), choice_count(operation, request))


def prompt_tokens(operation: str, request: Json) -> int:
    match operation:
        case "chat":
            return 3 + messages_tokens(request["messages"]) + extras_tokens(request, BESIDE["chat"])
        case "completions":
            return max(1, texts_tokens(request["prompt"]) + extras_tokens(request, BESIDE["completions"]))
        case "embeddings":
            return max(1, texts_tokens(request["input"]) + extras_tokens(request, BESIDE["embeddings"]))
        case "rerank":
            return max(1, texts_tokens(request["query"]) + texts_tokens(request["documents"]))
        case _:
            return 0


def output_cap(request: Json, model: ModelRoute) -> int:
    asked = [request[name] for name in CAP_NAMES if request.get(name)]
    return min(asked) if asked else model.max_output_tokens or DEFAULT_CAP_TOKENS


def choice_count(operation: str, request: Json) -> int:
    prompts = request.get("prompt") if operation == "completions" else None
    batch = len(prompts) if isinstance(prompts, list) and not isinstance(prompts[0], int) else 1
    return batch * max(request.get("n") or 1, request.get("best_of") or 1)


def pages_estimate(request: Json) -> int:
    """Pages of a PDF by its page objects; a picture is one page."""
    data: bytes = request["file"]
    return max(1, data.count(b"/Type /Page\n") + data.count(b"/Type/Page/")) if data[:5] == b"%PDF-" else 1


def with_cap(request: Json, quote: Quote, cap_tokens: int) -> Json:
    """The request as it goes upstream: the cap is named only where the balance lowered it."""
    if cap_tokens >= quote.cap_tokens:
        return request
    named = [name for name in CAP_NAMES if request.get(name)] or ["max_tokens"]
    return {**request, **dict.fromkeys(named, cap_tokens)}


def check_max_cost(header: str | None, quote: Quote) -> None:
    """`X-Max-Cost: 0.05` refuses a call that could cost more yuan than that."""
    if header is None:
        return
    try:
        limit_nano = yuan_to_nano(header)
    except MoneyError as error:
        raise BadRequest(f"X-Max-Cost: {error}.", param="X-Max-Cost") from error
    if quote.max_nano > limit_nano:
        raise GatewayError(
            "max_cost_exceeded",
            f"This call may cost up to ¥{nano_to_yuan(quote.max_nano)}, more than the ¥{nano_to_yuan(limit_nano)} that"
            f" X-Max-Cost allows. Lower max_tokens (now {quote.cap_tokens}) or raise X-Max-Cost.",
        )
