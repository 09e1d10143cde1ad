"""What the simulator remembers between calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from simulator.recorder import Recorder
from simulator.switches import split_model

COUNTED_MODELS_MAX = 10_000


@dataclass
class Outage:
    """Everything down, or single models by their whole string or by their name before the switches."""

    everything: bool = False
    models: set[str] = field(default_factory=set)

    def switch(self, down: bool, models: list[str] | None) -> None:
        if models is not None:
            self.models = self.models | set(models) if down else self.models - set(models)
            return
        self.everything = down
        if not down:
            self.models = set()

    def covers(self, model: str) -> bool:
        return self.everything or model in self.models or split_model(model)[0] in self.models


@dataclass
class State:
    recorder: Recorder = field(default_factory=Recorder)
    outage: Outage = field(default_factory=Outage)
    authority_pem: str = ""  # of the certificate it shows, when it speaks TLS
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _calls: Counter[str] = field(default_factory=Counter)

    def fails_again(self, name: str, fail_first: int) -> bool:
        """Whether this call is among the first `fail_first` of that name."""
        if not fail_first or self._calls[name] >= fail_first:
            return False
        if len(self._calls) >= COUNTED_MODELS_MAX:
            self._calls.clear()
        self._calls[name] += 1
        return True
