# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Having the session begin before anybody waits for it: with the first lookup of a run, or by the callback plugin before that.

Most runs say nothing of their session, and that can be told without parsing anything: what reads configurations is loaded otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import controller, directory_of, speakers
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launcher import begin_session
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place

DEFAULTS: Mapping[str, Any] = {}
"""The session has its own."""
SPOKEN_OF = (b"session", b"$ANSIBLE_VAULT")
"""What a file says that may speak of it: one that is encrypted may say anything."""


def begin(loader: Any, templar: Any, variables: Mapping[str, Any], question: str | None) -> None:
    """Have the session of this run begin where it has none yet. Nobody waits for it here, and nothing that goes wrong is told.

    Args:
        loader: of the lookup that asks, like `templar` and `variables`.
        question: its way of asking, which the caller is going to explain to the session.
    """
    with suppress(Exception):  # whoever asks finds it, and is told
        begun(loader, templar, variables, awaited=question)


def begun(
    loader: Any,
    templar: Any,
    variables: Mapping[str, Any],
    *,
    expected: Callable[[], Mapping[str, Any] | None] = lambda: None,
    awaited: str | None = None,
) -> str:
    """The same; answers what came of it, for people. `expected` and `awaited` are those of `launching.begin_session`.

    Raises:
        CredentialError: what is said of the session is wrong.
        NoSession: there will be none in this run, or another process is at it.
    """
    options = _said(loader, templar, variables) if _is_spoken_of(variables) else DEFAULTS
    if options is None:
        return "switched off"
    run = controller()
    begin_session(Place(directory_of(*run)), run, options, expected=expected, awaited=awaited)
    return "begun"


def _is_spoken_of(variables: Mapping[str, Any]) -> bool:
    said = variables.get("nebula_credential_session") is not None or os.environ.get("NEBULA_CREDENTIAL_SESSION", "true") != "true"
    return said or any(word in _content(path) for path in speakers() for word in SPOKEN_OF)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _said(loader: Any, templar: Any, variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The run's options; None where it has no session."""
    from ansible_collections.nebula.credential.plugins.plugin_utils.config.session_options import session_options
    from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import session_said, surroundings

    options = session_options(session_said(surroundings(loader, templar, variables)))
    return options if options["enabled"] else None
