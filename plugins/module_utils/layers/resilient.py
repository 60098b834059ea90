# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every remote backend is wrapped in: time limits, retries, a circuit breaker. Their options, and their order."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import Observer
from ansible_collections.nebula.credential.plugins.module_utils.layers.time_limits import TimeLimits
from ansible_collections.nebula.credential.plugins.module_utils.providers.base import Provider

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "read_timeout": {"type": "float", "default": 5.0},
    "write_timeout": {"type": "float", "default": 10.0},
}
"""The options of every store that its layers look at, as an argument spec. Times are seconds."""


def resilient(provider: Provider, options: Mapping[str, Any], observer: Optional[Observer] = None) -> Provider:
    """Wrap a provider as a store's configuration says; one that is not remote stays as it is.

    Args:
        provider: of any backend.
        options: `OPTIONS`, validated.
        observer: is told of repeated requests and of the breaker's states.

    Raises:
        InvalidConfiguration: an option is out of range.
    """
    if not provider.capabilities.remote:
        return provider
    return TimeLimits(provider, options["read_timeout"], options["write_timeout"])
