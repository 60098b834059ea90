# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets one writer of a store in at a time, on this machine."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import Callable, ContextManager, Iterator

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated

_LONGEST_TURN = 60.0


def build_turns(where: str, single_writer: bool) -> Callable[[], ContextManager[None]]:
    """Return what holds, inside a `with` block, the lock that all processes of this user share for the store at `where`.

    It raises InvalidConfiguration if `single_writer` is not set.
    """

    @contextmanager
    def hold() -> Iterator[None]:
        if not single_writer:
            raise InvalidConfiguration(
                "Key Vault cannot compare and swap, so two writers could overwrite each other unnoticed",
                option="single_writer",
                remedy="Write 'single_writer: true' if only this user on this machine writes there.",
            )
        folder = expand_home(os.path.join("~", ".nebula", "turns"))
        path = os.path.join(folder, hashlib.sha256(where.encode("utf-8")).hexdigest()[:32])
        with translated("the directory of locks", folder):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        with FileLock(path, min(deadline.remaining(), _LONGEST_TURN), operation="the write"):
            yield

    return hold
