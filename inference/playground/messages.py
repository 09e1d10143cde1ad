"""From a conversation to the body of a chat call. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from models_registry.vendors.base import Json


class Exchanged(NamedTuple):
    """A prompt and what one column answered; an empty answer says nothing and is left out with its prompt."""

    prompt: str
    answer: str


def chat_body(
    *, model: str, system_prompt: str, parameters: Json, earlier: Iterable[Exchanged], prompt: str, stream: bool = True
) -> Json:
    messages = [{"role": "system", "content": system_prompt}] if system_prompt else []
    for one in earlier:
        if one.answer:
            messages.append({"role": "user", "content": one.prompt})
            messages.append({"role": "assistant", "content": one.answer})
    messages.append({"role": "user", "content": prompt})
    body: Json = {"model": model, "messages": messages, **parameters}
    return {**body, "stream": True} if stream else body
