"""Tokens counted from text, for holds and for answers whose upstream sent no usage. Pure.

A CJK character counts 0.6 tokens, any other character 0.3; the sum is rounded up. Additive by design: the
pieces of a stream count the same as the whole. docs/billing.md shows worked numbers, the tests assert them.
"""

import re
from collections.abc import Container, Mapping
from typing import Any

CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+"
)
TENTHS_CJK, TENTHS_OTHER = 6, 3
TOKENS_PER_MESSAGE = 4  # role and separators
TOKENS_PER_IMAGE = 1000  # what common vision models take for a full picture
TOKENS_PER_VIDEO_LINK = 5000
TOKENS_PER_DATA_MIN = 1000  # audio or a file, however short; a link does not tell its length
CHARACTERS_PER_TOKEN_AUDIO = 100  # of base64: about 25 tokens a second of speech at 16 kbit/s
CHARACTERS_PER_TOKEN_FILE = 10  # of base64: a document is denser in words than sound is
IMAGE_NAMES = frozenset({"image", "image_url"})
VIDEO_NAMES = frozenset({"video", "video_url"})
CHARACTERS_PER_TOKEN = {
    **dict.fromkeys(("audio", "audio_url", "input_audio"), CHARACTERS_PER_TOKEN_AUDIO),
    **dict.fromkeys(("file", "file_url", "file_data", "input_file", "document_url"), CHARACTERS_PER_TOKEN_FILE),
}
LABELS = frozenset({"role", "type"})  # a word, which the message's own tokens pay for
LABEL_CHARACTERS_MAX = 32


def text_tenths(text: str) -> int:
    """Tenths of a token in `text`."""
    cjk = 0 if text.isascii() else sum(run.end() - run.start() for run in CJK.finditer(text))
    return TENTHS_CJK * cjk + TENTHS_OTHER * (len(text) - cjk)


def tenths_to_tokens(tenths: int) -> int:
    return -(-tenths // 10)


def text_tokens(text: str) -> int:
    return tenths_to_tokens(text_tenths(text))


def value_tenths(value: Any) -> int:
    """Tenths of what may stand in the prompt as text: a string, or an object or array as it is written."""
    if isinstance(value, str):
        return text_tenths(value)
    return text_tenths(str(value)) if value and isinstance(value, dict | list) else 0


def is_label(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LABEL_CHARACTERS_MAX


def field_tenths(name: str, value: Any) -> int:
    """As `value_tenths`, but a label is free as long as it is one."""
    return 0 if name in LABELS and is_label(value) else value_tenths(value)


def messages_tokens(messages: list[Any]) -> int:
    """Prompt tokens of chat messages: all their text, pictures, video frames, audio and files."""
    tenths = 0
    fixed = TOKENS_PER_MESSAGE * len(messages)
    for message in messages:
        if not isinstance(message, dict):
            continue
        content = message.get("content")
        if isinstance(content, str):
            tenths += text_tenths(content)
        elif content:
            for part in content if isinstance(content, list) else [content]:
                part_tenths, part_fixed = content_part(part)
                tenths += part_tenths
                fixed += part_fixed
        if len(message) != 2 or not is_label(message.get("role")):  # most have role and content only
            tenths += sum(field_tenths(name, value) for name, value in message.items() if name != "content")
    return fixed + tenths_to_tokens(tenths)


def content_part(part: Any) -> tuple[int, int]:
    """Tenths of text tokens and whole tokens of pictures and the like in one part of a message's content."""
    if not isinstance(part, dict):
        return value_tenths(part), 0
    tenths = fixed = 0
    for name, value in part.items():
        if name in IMAGE_NAMES:
            fixed += TOKENS_PER_IMAGE * bool(value)
        elif name in VIDEO_NAMES:
            fixed += TOKENS_PER_IMAGE * len(value) if isinstance(value, list) else TOKENS_PER_VIDEO_LINK * bool(value)
        elif name in CHARACTERS_PER_TOKEN and value:
            fixed += max(TOKENS_PER_DATA_MIN, characters(value) // CHARACTERS_PER_TOKEN[name])
        else:
            tenths += field_tenths(name, value)
    return tenths, fixed


def characters(value: Any) -> int:
    """Of all the strings in a value."""
    count = 0
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            count += len(item)
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return count


def extras_tokens(request: Mapping[str, Any], left_out: Container[str]) -> int:
    """Prompt tokens of the fields beside the messages: tools, response_format and whatever else is no flag."""
    tenths = 0
    for name, value in request.items():
        if isinstance(value, str | dict | list) and name not in left_out:
            tenths += value_tenths(value)
    return tenths_to_tokens(tenths)


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
