# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that dies at a system call."""

from __future__ import annotations

import os
from itertools import count

import pytest

CALLS = ("open", "stat", "fstat", "pread", "write", "pwrite", "ftruncate", "fsync", "rename", "unlink", "listdir", "close")


class Killed(BaseException):
    """The process ends here."""


def is_killed_at(wanted, work):
    """Do some work, and die at one of its calls, without its effect, or with half of it for a write. Return False if there are fewer."""
    calls = count()
    dead = []

    def wrap(name):
        real = getattr(os, name)

        def call(*arguments, **options):
            if dead and name != "close":
                raise Killed  # what a `finally` does, a dead process does not
            if next(calls) == wanted:
                dead.append(name)
                if name in ("write", "pwrite"):
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2], *arguments[2:])
                if name != "close":
                    raise Killed
            answer = real(*arguments, **options)
            if dead:
                raise Killed
            return answer

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, wrap(name))
        try:
            work()
        except Killed:
            pass
    return bool(dead)
