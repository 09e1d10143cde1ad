"""The list of models an upstream itself gives, asked for with an unsaved address and key. Nothing is written."""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from inference.gateway.cleaning import without_secret
from inference.probing.probes import UNWRITABLE, ProbeFailed, ask, upstream_words
from inference.probing.report import WORDS_MAX, Draft
from models_registry.importing.upstream_lists import kind_guessed, list_places, names_listed
from models_registry.vendors import VENDORS

TOTAL_S = 20.0  # of all attempts
LIST_S = 8.0


class Tried(NamedTuple):
    """An address without a list: what it answered, and in whose words. `status` is None where nothing whole came."""

    url: str
    status: int | None
    words: str


class Listed(NamedTuple):
    name: str
    kind: str  # as its name suggests


@dataclass(slots=True)
class Listing:
    """`url` is where the list was found, empty where none was; `base_url` the inference URL that goes with it."""

    url: str = ""
    base_url: str = ""
    models: list[Listed] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)


def upstream_models(draft: Draft) -> Listing:
    """Raises nothing for what an upstream does, and nothing for a URL that is none."""
    vendor, listing, until = VENDORS[draft.vendor], Listing(), time.monotonic() + TOTAL_S
    for place in list_places(vendor=vendor, kind=draft.kind, url=draft.inference_url):
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            total_s, authorities = min(LIST_S, left), draft.ca_certificates
            answer = ask("GET", place.url, draft.headers, total_s=total_s, ca_certificates=authorities)
        except ProbeFailed as failed:
            listing.tried.append(Tried(place.url, None, cleaned(draft, failed.words)))
            if failed.stage == "connect":
                break  # the other paths are on the same host
            continue
        names = names_listed(answer.body) if answer.status == 200 else None
        if names is not None:
            listing.url, listing.base_url = place
            found = sorted(names, key=str.lower)
            listing.models = [Listed(name, kind_guessed(vendor, name)) for name in found]
            break
        listing.tried.append(Tried(place.url, answer.status, cleaned(draft, upstream_words(answer.body))))
        if answer.status in (401, 403):
            break  # the path is there, and the key is not taken
    return listing


def cleaned(draft: Draft, words: str) -> str:
    return without_secret(UNWRITABLE.sub(" ", words), draft.api_key)[:WORDS_MAX]
