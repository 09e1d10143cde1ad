"""Tokens counted from text, for holds and for answers whose upstream sent no usage. Pure.

A CJK character counts 0.6 tokens, any other character 0.3; the sum is rounded up. Additive by design: the
pieces of a stream count the same as the whole. docs/billing.md shows worked numbers, the tests assert them.
"""

import re
from typing import Any

CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
TENTHS_CJK, TENTHS_OTHER = 6, 3
TOKENS_PER_MESSAGE = 4  # role and separators
TOKENS_PER_IMAGE = 1000  # what common vision models take for a full picture
TOKENS_PER_VIDEO_LINK = 5000


def text_tenths(text: str) -> int:
    """Tenths of a token in `text`."""
    cjk = 0 if text.isascii() else len(CJK.findall(text))
    return TENTHS_CJK * cjk + TENTHS_OTHER * (len(text) - cjk)


def tenths_to_tokens(tenths: int) -> int:
    return -(-tenths // 10)


def text_tokens(text: str) -> int:
    return tenths_to_tokens(text_tenths(text))


def messages_tokens(messages: list[Any]) -> int:
    """Prompt tokens of chat messages: text, pictures, video frames and tool calls."""
    tenths = 0
    fixed = 0
    for message in messages:
        fixed += TOKENS_PER_MESSAGE
        if isinstance(message, dict):
            content = message.get("content")
            if isinstance(content, str):
                tenths += text_tenths(content)
            elif isinstance(content, list):
                for part in content:
                    part_tenths, part_fixed = content_part(part)
                    tenths += part_tenths
                    fixed += part_fixed
            if message.get("tool_calls"):
                tenths += text_tenths(str(message["tool_calls"]))
    return fixed + tenths_to_tokens(tenths)


def content_part(part: Any) -> tuple[int, int]:
    """Tenths of text tokens and whole tokens of pictures in one part of a message's content."""
    if isinstance(part, str):
        return text_tenths(part), 0
    if not isinstance(part, dict):
        return 0, 0
    tenths = text_tenths(part["text"]) if isinstance(part.get("text"), str) else 0
    if "image_url" in part or "image" in part:
        return tenths, TOKENS_PER_IMAGE
    video = part.get("video") or part.get("video_url")
    if isinstance(video, list):
        return tenths, TOKENS_PER_IMAGE * len(video)
    return tenths, TOKENS_PER_VIDEO_LINK if video else 0


def texts_tokens(value: Any) -> int:
    """Tokens of a string, a list of strings, a list of token ids, or lists of those."""
    tokens = 0
    todo = [value]
    while todo:  # no recursion: a caller may nest lists as deep as the body's limit allows
        item = todo.pop()
        if isinstance(item, str):
            tokens += text_tokens(item)
        elif isinstance(item, int):
            tokens += 1
        elif isinstance(item, dict):
            todo.append(item.get("text"))
        elif isinstance(item, list):
            todo.extend(item)
    return tokens
