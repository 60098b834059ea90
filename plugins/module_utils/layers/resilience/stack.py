# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every remote backend is wrapped in: time limits, a circuit breaker, repeats. Their options, and their order.

`TimeLimits(Breaker(Retry(backend)))`: one limit bounds an operation with all its repeats and waits, and the breaker counts
operations that no repeat could save. Inside the repeats it would open by the attempts of a single operation.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import Observer
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.breaker import Breaker
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.circuit import Circuit
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.timeout import TimeLimits

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "read_timeout": {"type": "float", "default": 5.0},
    "write_timeout": {"type": "float", "default": 10.0},
    "max_retries": {"type": "int"},
    "breaker_failures": {"type": "int", "default": 5},
    "breaker_timeout": {"type": "float", "default": 30.0},
    "breaker_successes": {"type": "int", "default": 2},
}
"""The options of every store that its layers look at, as an argument spec. Times are seconds.

`max_retries` is the backend's own where it is left out (`Backend.default_retries`); 0 repeats nothing. `breaker_failures: 0`
does without a breaker.
"""


class Range(NamedTuple):
    """The least and the most that an option may be."""

    least: float
    most: float


RANGES: Mapping[str, Range] = {
    "read_timeout": Range(0.1, 3600),
    "write_timeout": Range(0.1, 3600),
    "max_retries": Range(0, 20),
    "breaker_failures": Range(0, 1000),
    "breaker_timeout": Range(0.1, 3600),
    "breaker_successes": Range(1, 100),
}


def resilient(backend: Backend, options: Mapping[str, Any], observer: Optional[Observer] = None) -> Backend:
    """Wrap a backend as a store's configuration says; one that is not remote stays as it is.

    Args:
        backend: of any backend.
        options: `OPTIONS`, validated; defaults hold for what is missing.
        observer: is told of repeated requests and of the breaker's states.

    Raises:
        InvalidConfiguration: an option is out of range, also where the backend has no use for it.
    """
    chosen = {option: _in_range(option, options.get(option)) for option in OPTIONS}
    if not backend.capabilities.remote:
        return backend
    repeats = backend.default_retries if chosen["max_retries"] is None else chosen["max_retries"]
    stack: Backend = Retry(backend, repeats, observer)
    if chosen["breaker_failures"]:
        circuit = Circuit(chosen["breaker_failures"], chosen["breaker_timeout"], chosen["breaker_successes"], observer)
        stack = Breaker(stack, circuit)
    return TimeLimits(stack, chosen["read_timeout"], chosen["write_timeout"])


def _in_range(option: str, given: Any) -> Any:
    value = OPTIONS[option].get("default") if given is None else given
    least, most = RANGES[option]
    # Written so that "not a number", which is neither less nor more, is refused too.
    if value is not None and not least <= value <= most:
        raise InvalidConfiguration("the value is out of range", option=option, remedy="Use {0:g} to {1:g}.".format(least, most))
    return value
