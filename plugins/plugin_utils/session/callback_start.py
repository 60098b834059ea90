# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the session before the first read of a credential: the work of the callback plugin `nebula.credential.session`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible.template import Templar
from ansible.utils.vars import load_extra_vars

from ansible_collections.nebula.credential.plugins.plugin_utils.session.early_start import start_early
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launcher import NoSession


def start(loader: Any) -> str:
    """Start the session of this run if it has one, and do not wait for it.

    Args:
        loader: the run's DataLoader.

    Returns:
        The outcome, as a text for users. A wrong configuration, or a failed start, is reported again at the first read.
    """
    extra = load_extra_vars(loader)
    templar = Templar(loader=loader, variables=extra)
    try:
        return start_early(loader, templar, extra, expected=lambda: find_expected_store(loader, templar, extra))
    except Exception as error:
        from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError

        if not isinstance(error, (CredentialError, NoSession)):
            raise
        return "not started ({0})".format(error)


def find_expected_store(loader: Any, templar: Any, variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the store that a lookup without the option `store` reads; None if there is none, or it cannot be passed to the session."""
    from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import find_traits
    from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
    from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import build_run_config, resolve_store

    try:
        store = resolve_store(None, build_run_config(loader, templar, variables))
        found = {"store": store.name, "config": store.config}
        json.dumps(found)
    except (CredentialError, TypeError, ValueError):
        return None
    traits = find_traits(store.config.get("backend"))
    return None if traits is not None and traits.directory is not None else found
