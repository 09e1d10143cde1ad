"""An upstream's words as callers may read them: without its address, its key, or anyone's key."""

import re
from urllib.parse import urlsplit

from inference.gateway.routes import EndpointRoute

KEYLIKE = re.compile(r"\b(?:sk|ak|key|Bearer)[-_ ](?=[A-Za-z._*-]*[0-9*])[A-Za-z0-9._*-]{6,}", re.IGNORECASE)
URLLIKE = re.compile(r"\b(?:https?|wss?)://[^\s\"'<>)]+")
WORDS_MAX = 4000
MESSAGE_MAX = 500
SECRET_MIN = 4


def cleaned(words: str, endpoint: EndpointRoute) -> str:
    """One line of at most 500 characters."""
    parts = urlsplit(endpoint.inference_url)
    secret = endpoint.secret.reveal()
    text = " ".join(words[:WORDS_MAX].split()) + ("…" if len(words) > WORDS_MAX else "")
    for hidden in (secret, parts.netloc, parts.hostname or ""):
        text = without_secret(text, hidden)
    text = KEYLIKE.sub("***", URLLIKE.sub("***", text))
    return text[:MESSAGE_MAX]


def without_secret(text: str, secret: str) -> str:
    """Also without a beginning of it where the text was cut off."""
    if len(secret) < SECRET_MIN:
        return text
    text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
    if text.endswith("…"):
        for size in range(len(secret) - 1, SECRET_MIN - 1, -1):
            if text.endswith(f"{secret[:size]}…"):
                return f"{text[: -size - 1]}***…"
    return text
