# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting the session before anybody asks: what the callback plugin `nebula.credential.session` does."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.template import Templar
from ansible.utils.vars import load_extra_vars

from ansible_collections.nebula.credential.plugins.lookup.get import controller, directory_of
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.store_reference import LOCAL
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launching import NoSession, begin_session, reap
from ansible_collections.nebula.credential.plugins.plugin_utils.session.options import session_options
from ansible_collections.nebula.credential.plugins.plugin_utils.session.wire import Place
from ansible_collections.nebula.credential.plugins.plugin_utils.stores import Surroundings, resolve_store, session_said


def started(loader: Any) -> str:
    """Have the session of this run start where it has one; nobody waits for it here.

    Args:
        loader: the run's DataLoader.

    Returns:
        What came of it, for people. What is wrong with the configuration, or kept it from starting, is told again to whoever asks first.
    """
    extra = load_extra_vars(loader)
    around = Surroundings(
        variables=extra,
        environment=os.environ,
        template=Templar(loader=loader, variables=extra).template,
        load=loader.load_from_file,
        ansible_cfg=constants.CONFIG_FILE,
    )
    try:
        options = session_options(session_said(around))
        if not options["enabled"]:
            return "switched off"
        run = controller()
        begin_session(Place(directory_of(*run)), run, options, _expected(around))
    except (CredentialError, NoSession) as error:
        return "not started ({0})".format(error)
    return "begun"


def _expected(around: Surroundings) -> Mapping[str, Any] | None:
    """The store that a lookup means which says nothing; None where that is none of a configuration, or cannot be handed over."""
    try:
        store = resolve_store(None, around)
        expected = {"store": store.name, "config": store.config}
        json.dumps(expected)
    except (CredentialError, TypeError, ValueError):
        return None
    return None if store.config.get("backend") == LOCAL else expected


def hand_down() -> None:
    """Load what workers inherit while the session's program begins, and see off the process that has forked it."""
    from ansible_collections.nebula.credential.plugins.plugin_utils import reading_lookups  # noqa: F401  # loaded is all it has to be

    reap()
