# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command in this process: what is typed, what is sent to it, and what it wrote."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.command.main import main


@dataclass(frozen=True)
class Done:
    """A call that has ended: its exit code, its output, and its messages."""

    status: int
    output: str
    messages: str

    @property
    def json(self) -> Any:
        """What it wrote as JSON."""
        return json.loads(self.output)


class Typed:
    """Calls the command as a shell does, with its output in a pipe."""

    def __init__(self, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        """Take what pytest gives for both."""
        self._capture = capture
        self._patch = patch

    def __call__(self, *arguments: str, given: bytes | str = b"") -> Done:
        """Call it with these arguments, and with `given` on its standard input."""
        content = given.encode("utf-8") if isinstance(given, str) else given
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        self._capture.readouterr()
        status = main(list(arguments))
        ended = self._capture.readouterr()
        return Done(status, ended.out, ended.err)

    def succeed(self, *arguments: str, given: bytes | str = b"") -> Done:
        """Call it, and check that it did what it was called for."""
        done = self(*arguments, given=given)
        assert done.status == 0, done.messages
        return done
