# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stores that hold copies of another one's credentials. Imported if a store names some."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import OPTION, read_mirrors
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import RunConfig, resolve_store


def resolve_mirrors(store: StoreReference, around: RunConfig) -> StoreReference:
    """Return the store with the stores that its `mirror` names. Theirs are not followed: a copy is not copied on.

    Raises:
        InvalidConfiguration: `mirror` is wrong, names this store, or one that is not configured.
    """
    found = {}
    try:
        for mirror in read_mirrors(store.config.get(OPTION)):
            if mirror.to == store.name:
                raise InvalidConfiguration("it names the store itself", option=OPTION, remedy="Name another store.")
            found[mirror.to] = resolve_store(mirror.to, around, OPTION)
    except InvalidConfiguration as problem:
        raise problem.within(store=store.name) from None
    return replace(store, mirrors=found)
