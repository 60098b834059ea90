# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that read files for us: bounded in time, with the user's environment, and without what they print."""

from __future__ import annotations

import os
from typing import Sequence

from ansible_collections.nebula.credential.plugins.module_utils.context.process import Finished, TooSlow, run_program
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, Timeout

SECONDS = 60.0
"""How long a program may take for one file."""


def run_tool(argv: Sequence[str], given: bytes, role: str) -> Finished:
    """Run a program of the user, and return its output.

    Args:
        argv: the program and its arguments. Nothing secret.
        given: what it reads.
        role: what it is, for messages.

    Raises:
        InvalidConfiguration: there is no such program.
        Timeout: it did not end in time.
        CredentialError: as `run_program`.
    """
    try:
        return run_program(argv, given, os.environ, SECONDS)
    except TooSlow:
        what = "{0}, did not end in {1:.0f} seconds".format(role, SECONDS)
        raise Timeout(what, remedy="See whether it waits for a person, for example for a passphrase.") from None
    except InvalidConfiguration:
        what = "there is no program {0} ({1})".format(ascii(argv[0]), role)
        raise InvalidConfiguration(what, option="program", remedy="Install it, or name its path in 'program'.") from None
