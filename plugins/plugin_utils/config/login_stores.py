# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stores that hold what the login of a store needs. Imported if a store names one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_named_credential
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference

_WITHIN: ContextVar[bool] = ContextVar("nebula_credential_login_stores", default=False)


def resolve_login_stores(
    config: Mapping[str, Any], options: Iterable[str], resolve: Callable[[Any, str], StoreReference]
) -> dict[str, Any]:
    """Return the configuration with the whole configuration of each store that its login needs in place of the name.

    Args:
        config: the configuration.
        options: its options that name a credential of another store.
        resolve: finds a store by what an option says.

    Raises:
        InvalidConfiguration: one names no credential, or a store whose login needs a credential as well.
    """
    found = dict(config)
    for option in options:
        named = config.get(option)
        if named is None:
            continue
        check_named_credential(named, option)
        if _WITHIN.get():
            what = "the login of this store needs a credential, and it holds one that another login needs"
            raise InvalidConfiguration(what, option=option, remedy="Keep that one in a store whose login needs none.")
        token = _WITHIN.set(True)
        try:
            other = resolve(named["store"], option + ".store")
        finally:
            _WITHIN.reset(token)
        found[option] = {**named, "store": {**other.config, "name": other.name}}
    return found
