# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A configuration that comes through a pipe, as in `NEBULA_CREDENTIAL_CONFIG=<(sops -d nebula.yml)`.

A pipe can be read once, and a run has many workers. So the session reads it, and each worker gets the content from there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.plugin_utils.config.configuration_path import CONFIG_ENVIRONMENT
from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import controller, directory_of, exchange
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launcher import NoSession, ensure_session
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place


def read_piped_configuration(path: str, options: Mapping[str, Any]) -> str:
    """Return the content of the pipe at `path`, from the run's session. Start the session if there is none.

    Args:
        path: the pipe's path.
        options: the run's `session` options.

    Raises:
        InvalidConfiguration: the run has no session, or the pipe could not be read.
    """
    if not options["enabled"]:
        raise _refuse(path, "this run has no session that could keep its content")
    if os.environ.get(CONFIG_ENVIRONMENT) != path:
        raise _refuse(path, "it is not named by the environment of the run itself")
    run = controller()
    where = Place(directory_of(*run))
    try:
        ensure_session(where, run, options)
        reply = exchange(where.directory, {"configuration": True})
    except NoSession as why:
        raise _refuse(path, "this run continues without a session: {0}".format(why)) from None
    except OSError as error:
        raise _refuse(path, "the session that keeps its content does not answer ({0})".format(error)) from None
    if "configuration" not in reply:
        raise _refuse(path, str(reply.get("failure")))
    return str(reply["configuration"])


def _refuse(path: str, why: str) -> InvalidConfiguration:
    return InvalidConfiguration(
        "{0} is a pipe, which can be read only once, and {1}".format(path, why),
        option=CONFIG_ENVIRONMENT,
        remedy="Use a session, or write the configuration to a file that only this user can read, and name that.",
    )
