# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of stores once more, behind a proxy that refuses a sixth of all requests, with eight operations of a batch in flight."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Health
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import Observer, throttle_batches
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.timeout import TimeLimits
from tests.backends.harness import Harness, Options, StoreKind
from tests.servers import front, once
from tests.servers.scripted import Answer

REFUSED = 1 / 6
MOST_REPEATS = 20
LONG_ENOUGH = 120.0
"""Seconds for each operation, however busy the machine is."""
_RUNNING = contextlib.ExitStack()
"""What ends with the process."""


class _Patient(TimeLimits):
    """Repeat a look at the health, too: the layer that repeats passes it on, because its caller wants the state as it is now."""

    def health(self) -> Health:
        looks = [self.inner.health()]
        while looks[-1].code == Unavailable.code and len(looks) <= MOST_REPEATS:
            looks.append(self.inner.health())
        return looks[-1]


def can_throttle(harness: Harness, kind: StoreKind) -> bool:
    """Whether the proxy can be put before the server of a kind. An encrypted kind makes the same requests."""
    return kind.server is not None and kind.configurable and not kind.encrypted and harness.speaks_http and not harness.is_challenged


def throttle(harness: Harness, kind: StoreKind) -> StoreKind:
    """Return the kind behind the proxy. What was refused is repeated without a wait."""

    def read_options(directory: Path) -> Options:
        options = kind.options(directory)
        address = str(options[harness.address])
        authority = str(once.server(kind.server).ca_cert) if address.startswith("https:") else None
        return {**options, harness.address: _start_proxy(address, authority)}

    def repeat(backend: Backend) -> Backend:
        observer = throttle_batches(backend, min(8, backend.capabilities.parallel), Observer())
        repeated = Retry(backend, MOST_REPEATS, observer, sleep=lambda _seconds: None)
        return kind.wrap(_Patient(repeated, LONG_ENOUGH, LONG_ENOUGH))

    return replace(
        kind, label=kind.label + "-throttling", options=read_options, wrap=repeat, plays=False, many=False, configurable=False, most={}
    )


@lru_cache(maxsize=None)
def _start_proxy(address: str, authority: Optional[str]) -> str:
    """Return the URL of a proxy before a server. The refused requests are drawn: if each third were, a write of three would never end."""
    before, draw = _RUNNING.enter_context(front.running(address, authority)), random.Random(1)
    before.refuses = lambda _number, _request: Answer(429, {"errors": ["no"]}) if draw.random() < REFUSED else None
    return before.url
