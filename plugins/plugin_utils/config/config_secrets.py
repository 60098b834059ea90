# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the secrets in a store's configuration, so that they are masked wherever Ansible prints.

Mappings are not marked `no_log` as a whole: ansible-core would mask every word in them, "token" and "approle" included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import find_traits
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import LISTS_OF_SOURCES
from ansible_collections.nebula.credential.plugins.plugin_utils.config.option_traits import STORE_SECRETS


def secrets_of(config: Mapping[str, Any]) -> list[Secret]:
    """Return every secret of a store's configuration: of its backend, of its key sources, and of the stores that its login needs."""
    found = [*_secrets_of_store(config), *_secrets_of_key_sources(config)]
    own = [Secret(str(value)) for value in found if isinstance(value, (str, int)) and value]
    return own + [secret for other in list_login_stores(config) for secret in secrets_of(other)]


def list_login_stores(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the configurations of the stores that hold what the login of a store needs."""
    traits = find_traits(config.get("backend"))
    others = [read_part(config, option + ".store") for option in (traits.credentials if traits else ())]
    return [other for other in others if isinstance(other, Mapping)]


def _secrets_of_store(config: Mapping[str, Any]) -> Iterator[Any]:
    traits = find_traits(config.get("backend"))
    for option in (*STORE_SECRETS, *(traits.secrets if traits else ())):
        yield read_part(config, option)


def _secrets_of_key_sources(config: Mapping[str, Any]) -> Iterator[Any]:
    listed = [sources for sources in (read_part(config, option) for option in LISTS_OF_SOURCES) if isinstance(sources, (list, tuple))]
    if not listed:
        return
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import SECRETS

    for sources in listed:
        for source in sources:
            yield from (read_part(source, option) for option in SECRETS)
