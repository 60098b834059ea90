# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another user than the one of the tests, who has no passwd entry."""

from __future__ import annotations

import os
from typing import Callable, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from tests.conftest import cannot_run

STRANGER = 471100
"""A user id that no passwd entry has."""


class Outcome(NamedTuple):
    """What a call returned, as text; or the class of its error, and the message."""

    error: str
    text: str


def call_as_stranger(work: Callable[[], object], groups: Sequence[int] = (), environment: Optional[Mapping[str, str]] = None) -> Outcome:
    """Call `work` as the stranger, in these groups only, in a process of its own; with exactly these variables if they are given."""
    if os.getuid():
        cannot_run("only root can become another user")
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if environment is not None:
                os.environ.clear()
                os.environ.update(environment)
            os.setgroups(list(groups))
            os.setresgid(STRANGER, STRANGER, STRANGER)
            os.setresuid(STRANGER, STRANGER, STRANGER)
            os.write(write_end, "\n{0}".format(work()).encode())
        except CredentialError as error:
            os.write(write_end, "{0}\n{1}".format(type(error).__name__, error).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as said:
        error_class, _line_end, text = said.read().partition("\n")
    os.waitpid(pid, 0)
    return Outcome(error_class, text)
