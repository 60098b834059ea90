# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is secret in a store's configuration, so that it is masked wherever Ansible prints.

Mappings are not marked `no_log` as a whole: ansible-core would mask every word in them, "token" and "approle" included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.plugin_utils.config.option_traits import (
    KEY_SOURCES,
    OF_A_KEY_SOURCE,
    OF_EVERY_STORE,
    SHARED_CACHE,
    of_backend,
)


def secrets_of(config: Mapping[str, Any]) -> list[Secret]:
    """Every secret of a store's configuration: of its backend, and of its key sources."""
    found = [_found(config, option) for option in (*OF_EVERY_STORE.secrets, *of_backend(config.get("backend")).secrets)]
    together = _found(config, SHARED_CACHE + "." + KEY_SOURCES)
    for source in (*(config.get(KEY_SOURCES) or ()), *(together if isinstance(together, list) else ())):
        found += [_found(source, option) for option in OF_A_KEY_SOURCE.secrets]
    return [Secret(str(value)) for value in found if isinstance(value, (str, int)) and value]


def _found(place: Any, option: str) -> Any:
    for step in option.split("."):
        place = place.get(step) if isinstance(place, Mapping) else None
    return place
