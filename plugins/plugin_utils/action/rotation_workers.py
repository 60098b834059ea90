# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that act at targets, several at once: modules and programs are run with a time limit, which a thread cannot set.

Each is a fork of the task's process, made before that starts a thread. It opens no store and has no session, which answers only the
controller and its children. What it needs of the store it requests through its pipe from the task's process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Unavailable, as_credential_error
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking
from ansible_collections.nebula.credential.plugins.plugin_utils.session.messages import describe_error, describe_outcome, outcome_of

Perform = Callable[[dict[str, Any]], Outcome]
"""Performs one step of a rotation in the store."""
Drive = Callable[[Any, Perform], Outcome]
"""Drives one rotation, described by JSON-like data, from its first step to its end."""

_STEP, _END = "step", "end"


class _Over(BaseException):
    """The task's process is gone. Not an Exception, so that nothing more is done at the target."""


class Worker:
    """One process that drives rotations, one after the other."""

    def __init__(self, connection: Connection, process: int) -> None:
        """Set the pipe to the process, and its id."""
        self._connection = connection
        self._process = process
        self.is_gone = False
        """Whether the process was killed, so that it drives no other rotation."""

    def drive(self, rotation: Any, perform: Perform) -> Outcome:
        """Have the process drive a rotation; perform its steps in the store. Return the outcome.

        Raises:
            CredentialError: as the rotation.
            Unavailable: the process was killed. The rotation is open, and the next run continues it.
        """
        try:
            _send(self._connection, rotation)
            while True:
                kind, content = _receive(self._connection)
                if kind == _END:
                    return outcome_of(content)
                _send(self._connection, _describe(partial(perform, content)))
        except (EOFError, OSError):
            self.is_gone = True
            what = "the process that acts at the target was killed"
            raise Unavailable(what, option="target", remedy="The rotation is open. Run it again to finish it.") from None

    def close(self) -> None:
        """End the process when its step is over, and wait for it."""
        self._connection.close()
        with suppress(ChildProcessError):
            os.waitpid(self._process, 0)


def start_workers(count: int, drive: Drive) -> list[Worker]:
    """Start that many processes. The caller has started no thread yet, and closes each worker."""
    workers: list[Worker] = []
    for _number in range(count):
        ours, theirs = Pipe()
        process = os.fork()
        if process == 0:
            # The ends of the others' pipes stay open as long as any process has them, and then no worker would see that we are gone.
            for connection in (ours, *(worker._connection for worker in workers)):
                connection.close()
            _work(theirs, drive)
        theirs.close()
        workers.append(Worker(ours, process))
    return workers


def _work(connection: Connection, drive: Drive) -> None:
    """Drive rotations until the task's process closes the pipe. Does not return: what the fork inherited is not to be ended twice."""

    def perform(step: dict[str, Any]) -> Outcome:
        outcome = outcome_of(_exchange(connection, step))
        masking.register(outcome.secrets)
        return outcome

    try:
        while True:
            rotation = _receive(connection)
            _send(connection, [_END, _describe(partial(drive, rotation, perform))])
    except (EOFError, OSError, _Over):
        pass
    finally:
        os._exit(0)


def _exchange(connection: Connection, step: dict[str, Any]) -> Any:
    try:
        _send(connection, [_STEP, step])
        return _receive(connection)
    except (EOFError, OSError):
        raise _Over from None


def _describe(perform: Callable[[], Outcome]) -> dict[str, Any]:
    try:
        return describe_outcome(perform())
    except CredentialError as error:
        return {"error": describe_error(error)}
    except Exception as error:  # noqa: BLE001  # the other side gets every failure as a neutral error
        return {"error": describe_error(as_credential_error(error))}


def _send(connection: Connection, content: Any) -> None:
    connection.send_bytes(json.dumps(content).encode("utf-8"))


def _receive(connection: Connection) -> Any:
    return json.loads(connection.recv_bytes())
