# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting the session before anybody waits for it: what the callback plugin `nebula.credential.session` and the first lookups do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible.template import Templar
from ansible.utils.vars import load_extra_vars

from ansible_collections.nebula.credential.plugins.lookup.get import controller, directory_of
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.store_reference import LOCAL
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launching import NoSession, begin_session
from ansible_collections.nebula.credential.plugins.plugin_utils.session.options import session_options
from ansible_collections.nebula.credential.plugins.plugin_utils.session.wire import Place
from ansible_collections.nebula.credential.plugins.plugin_utils.stores import Surroundings, resolve_store, session_said, surroundings


def started(loader: Any) -> str:
    """Have the session of this run start where it has one; nobody waits for it here.

    Args:
        loader: the run's DataLoader.

    Returns:
        What came of it, for people. What is wrong with the configuration, or kept it from starting, is told again to whoever asks first.
    """
    extra = load_extra_vars(loader)
    around = surroundings(loader, Templar(loader=loader, variables=extra), extra)
    try:
        return _begun(around, expected=_expected(around))
    except (CredentialError, NoSession) as error:
        return "not started ({0})".format(error)


def begin(loader: Any, templar: Any, variables: Mapping[str, Any], question: str | None) -> None:
    """Have the session of this run begin where it has none yet, while the caller loads what it takes to ask.

    Args:
        loader: of the lookup that asks, like `templar` and `variables`.
        question: its way of asking, which the caller is going to explain to the session.
    """
    with suppress(Exception):  # whatever is wrong, whoever asks is told
        _begun(surroundings(loader, templar, variables), awaited=question)


def _begun(around: Surroundings, *, expected: Mapping[str, Any] | None = None, awaited: str | None = None) -> str:
    options = session_options(session_said(around))
    if not options["enabled"]:
        return "switched off"
    run = controller()
    begin_session(Place(directory_of(*run)), run, options, expected=expected, awaited=awaited)
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
