# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layers around every remote backend: time limits, a circuit breaker, repeats. Their options, and their order.

`TimeLimits(Breaker(Retry(backend)))`: one limit bounds an operation with all its repeats and waits, and the breaker counts
operations that failed after all repeats. Inside the repeats, the attempts of a single operation could open it.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import Observer
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.backoff import DELAYS, RetryDelays
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.breaker import Breaker
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.circuit import Circuit
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.timeout import TimeLimits

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "read_timeout": {
        "description": "Seconds that an operation on a server may take if it reads, with all its repeats.",
        "type": "float",
        "default": 5.0,
    },
    "write_timeout": {"description": "The same for an operation that writes.", "type": "float", "default": 10.0},
    "max_retries": {
        "description": "How often a request to a server is repeated at most. Without it: 5, or the backend's own number.",
        "type": "int",
    },
    "base_delay": {
        "description": "The most seconds to wait before the first repeat. Each wait is drawn evenly from 0 to its limit.",
        "type": "float",
        "default": DELAYS.base,
    },
    "multiplier": {"description": "By how much that limit grows for each further repeat.", "type": "float", "default": DELAYS.multiplier},
    "max_delay": {
        "description": "The most seconds to wait before any repeat, unless the server throttles.",
        "type": "float",
        "default": DELAYS.longest,
    },
    "breaker_failures": {
        "description": "How many failed operations in a row stop further requests. 0: never.",
        "type": "int",
        "default": 5,
    },
    "breaker_timeout": {"description": "Seconds for which requests are stopped.", "type": "float", "default": 30.0},
    "breaker_successes": {"description": "How many operations must succeed then.", "type": "int", "default": 2},
}
"""The options that these layers read, for every store, as an argument spec. Times are in seconds.

`max_retries` defaults to the backend's own (`Backend.default_retries`); 0 repeats nothing. `breaker_failures: 0` disables the
breaker.
"""


class Range(NamedTuple):
    """The least and the greatest value of an option."""

    least: float
    most: float


RANGES: Mapping[str, Range] = {
    "read_timeout": Range(0.1, 3600),
    "write_timeout": Range(0.1, 3600),
    "max_retries": Range(0, 20),
    "base_delay": Range(0, 3600),
    "multiplier": Range(1, 100),
    "max_delay": Range(0, 3600),
    "breaker_failures": Range(0, 1000),
    "breaker_timeout": Range(0.1, 3600),
    "breaker_successes": Range(1, 100),
}


def resilient(backend: Backend, options: Mapping[str, Any], observer: Optional[Observer] = None) -> Backend:
    """Wrap a backend as a store's configuration says. Return a backend that is not remote as it is.

    Args:
        backend: the backend, of any kind.
        options: `OPTIONS`, validated. A missing option has its default.
        observer: called for repeated requests and for the breaker's changes of state.

    Raises:
        InvalidConfiguration: an option is out of range, even if the backend does not use it.
    """
    chosen = {option: _in_range(option, options.get(option)) for option in OPTIONS}
    if not backend.capabilities.remote:
        return backend
    repeats = backend.default_retries if chosen["max_retries"] is None else chosen["max_retries"]
    delays = RetryDelays(chosen["base_delay"], chosen["multiplier"], chosen["max_delay"])
    stack: Backend = Retry(backend, repeats, observer, delays=delays)
    if chosen["breaker_failures"]:
        circuit = Circuit(chosen["breaker_failures"], chosen["breaker_timeout"], chosen["breaker_successes"], observer)
        stack = Breaker(stack, circuit)
    return TimeLimits(stack, chosen["read_timeout"], chosen["write_timeout"])


def _in_range(option: str, given: Any) -> Any:
    value = OPTIONS[option].get("default") if given is None else given
    least, most = RANGES[option]
    # Written so that NaN, which is neither less nor more, is refused too.
    if value is not None and not least <= value <= most:
        raise InvalidConfiguration("the value is out of range", option=option, remedy="Use {0:g} to {1:g}.".format(least, most))
    return value
