"""The gateway that other people's clients call, as the environment names it."""

import json
import os
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Target:
    url: str
    key: str
    models: dict[str, str]  # what it is for → the served name

    @property
    def v1(self) -> str:
        return f"{self.url}/v1"


@pytest.fixture(scope="session")
def target() -> Target:
    return Target(os.environ["GATEWAY_URL"], os.environ["GATEWAY_KEY"], json.loads(os.environ["GATEWAY_MODELS"]))
