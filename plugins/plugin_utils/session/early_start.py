# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the session before any worker waits for it: with the first lookup of a run, or by the callback plugin before that.

Most runs do not set `session`, and that can be seen without parsing anything. The code that reads configurations is loaded only
if a place may set it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import config_file_candidates, controller, directory_of
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launcher import start_session
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place

DEFAULTS: Mapping[str, Any] = {}
"""Empty: the session has its own defaults."""
SPOKEN_OF = (b"session", b"$ANSIBLE_VAULT")
"""A file that contains one of these may set `session`: an encrypted file may contain anything."""


def begin(loader: Any, templar: Any, variables: Mapping[str, Any], question: str | None) -> None:
    """Start the session of this run if it has none yet. Do not wait for it, and ignore every error.

    Args:
        loader: the loader of the calling lookup, like `templar` and `variables`.
        question: the digest of its request, which the caller will resolve: it sends the whole operation next.
    """
    with suppress(Exception):  # the next read meets the same error, and raises it
        start_early(loader, templar, variables, awaited=question)


def start_early(
    loader: Any,
    templar: Any,
    variables: Mapping[str, Any],
    *,
    expected: Callable[[], Mapping[str, Any] | None] = lambda: None,
    awaited: str | None = None,
) -> str:
    """Start the session like `begin`, and return the outcome as a text for users.

    `expected` and `awaited` are those of `launcher.start_session`.

    Raises:
        CredentialError: the `session` options are wrong.
        NoSession: this run will have no session, or another process is starting it.
    """
    options = _session_settings(loader, templar, variables) if _is_session_configured(variables) else DEFAULTS
    if options is None:
        return "switched off"
    run = controller()
    start_session(Place(directory_of(*run)), run, options, expected=expected, awaited=awaited)
    return "begun"


def _is_session_configured(variables: Mapping[str, Any]) -> bool:
    said = variables.get("nebula_credential_session") is not None or os.environ.get("NEBULA_CREDENTIAL_SESSION", "true") != "true"
    return said or any(word in _content(path) for path in config_file_candidates() for word in SPOKEN_OF)


def _content(path: str) -> bytes:
    try:
        if stat.S_ISREG(os.stat(path).st_mode):  # a pipe is for the session to read
            with open(path, "rb") as file:
                return file.read()
    except OSError:
        pass
    return b""


def _session_settings(loader: Any, templar: Any, variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the run's `session` options; None if it has no session."""
    from ansible_collections.nebula.credential.plugins.plugin_utils.config.session_options import session_options
    from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import build_run_config, session_settings

    options = session_options(session_settings(build_run_config(loader, templar, variables)))
    return options if options["enabled"] else None
