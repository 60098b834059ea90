# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run's controller does at its end: wait until the session has returned its tokens and leases, and has recorded what it kept.

A session outlives its controller, except in a container: there the system kills all processes when the first one ends, which is the
controller or ends with it. Mostly a worker starts the session, and only the controller can wait. A worker sends ansible-core's Display
a call to the controller, as it does for each warning. This one shows nothing: it carries a function to register for the exit. That is a
built-in one with a line of text, because the controller reads it in a thread, and an import there could stop a worker that it forks.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import controller, directory_of

MODULE = __name__.rpartition(".")[0] + ".wait_for_end"
FIRST_PID_NAMESPACE = 0xEFFFFFFC
"""The number of the PID namespace of a Linux system itself (PROC_PID_INIT_INO): its processes outlive each other."""


def wait_at_run_end(directory: str, run: tuple[int, str]) -> None:
    """Make the controller wait when it exits, if the session would be killed with it. Called by the process that has started the session.

    Args:
        directory: the session's directory.
        run: the controller's process id, and when it began.
    """
    if not _dies_with_run():
        return
    with suppress(Exception):  # without it only a token may stay until it expires
        _register("from {0} import end_session; end_session({1!r})".format(MODULE, directory), run)


def write_at_run_end() -> None:
    """Have the controller tell its session, when it exits, to record what the run has deployed, and show what the session warns of.

    Without it the session records it as well, but nobody hears that it could not.
    """
    run = controller()
    with suppress(Exception):
        _register("from {0} import write_deployments; write_deployments({1!r})".format(MODULE, directory_of(*run)), run)


def _register(line: str, run: tuple[int, str]) -> None:
    """Have the controller run a line of Python when it exits."""
    if run[0] == os.getpid():
        atexit.register(exec, line, {})
    else:
        Display().display("", screen_only=True, log_only=True, newline=_Registration(line))


def _dies_with_run() -> bool:
    try:
        return os.stat("/proc/self/ns/pid").st_ino != FIRST_PID_NAMESPACE
    except OSError:
        return False  # a system without such namespaces


class _Registration:
    """A value that registers a line of Python for the exit of the process in which it is unpickled."""

    def __init__(self, line: str) -> None:
        """Take the line."""
        self._line = line

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return atexit.register, (exec, self._line, {})
