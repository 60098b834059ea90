# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program at a terminal of its own, which types and reads as a person would."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE = 120.0
"""Seconds."""


class Terminal:
    """A program whose standard streams, and `/dev/tty`, are one terminal."""

    def __init__(self, argv: Sequence[str], directory: Path, environment: Mapping[str, str]) -> None:
        self._seen = b""
        self._status: int | None = None
        self._process, self._terminal = pty.fork()
        if not self._process:
            # As a shell at a terminal starts programs; what started the tests may ignore it.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.chdir(directory)
            os.execve(argv[0], list(argv), dict(environment))  # noqa: S606  # it is the program of the test

    @property
    def output(self) -> str:
        """All that was shown until now."""
        return self._seen.decode("utf-8", "replace").replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Type a text."""
        os.write(self._terminal, text.encode("utf-8"))

    def wait_for(self, text: str) -> None:
        """Read until the terminal shows a text."""
        end = time.monotonic() + PATIENCE
        while text not in self.output:
            assert self._read(end), "it did not show {0!r}, but:\n{1}".format(text, self.output)

    def wait(self) -> int:
        """Read until the program has ended, and return its exit code."""
        end = time.monotonic() + PATIENCE
        while self._read(end):
            pass
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        return self._status

    def close(self) -> None:
        """End the program if it has not ended."""
        if self._status is None:
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            self.wait()
        os.close(self._terminal)

    def _read(self, end: float) -> bool:
        """Read what is shown next. Return False if the program has closed the terminal."""
        ready = select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))[0]
        assert ready, "nothing was shown in time; before that:\n{0}".format(self.output)
        try:
            part = os.read(self._terminal, 1 << 16)
        except OSError:  # Linux says EIO at the end
            return False
        self._seen += part
        return bool(part)
