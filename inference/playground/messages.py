"""From a conversation to the body of a chat call. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models_registry.vendors.base import Json


class Exchanged(NamedTuple):
    """A prompt and what one column answered; an empty answer says nothing and is left out with its prompt.

    `pictures` are URLs.
    """

    prompt: str
    answer: str
    pictures: Sequence[str] = ()


def chat_body(
    *,
    model: str,
    system_prompt: str,
    parameters: Json,
    earlier: Iterable[Exchanged],
    prompt: str,
    pictures: Sequence[str] = (),
    stream: bool = True,
) -> Json:
    messages: list[Json] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    for one in earlier:
        if one.answer:
            messages.append(user_message(one.prompt, one.pictures))
            messages.append({"role": "assistant", "content": one.answer})
    messages.append(user_message(prompt, pictures))
    body: Json = {"model": model, "messages": messages, **parameters}
    return {**body, "stream": True} if stream else body


def user_message(text: str, pictures: Sequence[str]) -> Json:
    """Plain text stays plain: not every model takes parts."""
    if not pictures:
        return {"role": "user", "content": text}
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    return {"role": "user", "content": [{"type": "text", "text": text}, *parts]}
