"""An upstream's words as callers may read them: without its address, its key, or anyone's key."""

import re
from urllib.parse import urlsplit

from inference.gateway.routes import EndpointRoute

KEYLIKE = re.compile(r"\b(sk|ak|key|Bearer)[-_ ][A-Za-z0-9._*-]{6,}", re.IGNORECASE)
URLLIKE = re.compile(r"\b(?:https?|wss?)://[^\s\"'<>)]+")
MESSAGE_MAX = 500


def cleaned(words: str, endpoint: EndpointRoute) -> str:
    """One line of at most 500 characters."""
    parts = urlsplit(endpoint.inference_url)
    secret = endpoint.secret.reveal()
    text = " ".join(words.split())
    for hidden in (secret, parts.netloc, parts.hostname or ""):
        if len(hidden) > 3:
            text = re.sub(re.escape(hidden), "***", text, flags=re.IGNORECASE)
    text = KEYLIKE.sub("***", URLLIKE.sub("***", text))
    return text[:MESSAGE_MAX]
