# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The run's side of sessions that outlive a run (`linger`): where one may wait, how a run takes it over, and how all are ended."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import (
    config_file_candidates,
    exchange,
    is_locked,
    is_private,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import LINGERS, TAKEN, Place

FORGET_TIMEOUT = 22
"""Seconds: a session may take 20 to return its tokens."""
PAUSE = 0.02


def find_lingering_place(where: Place, options: Mapping[str, Any], collection: str) -> str:
    """Return the directory in which a session may wait that this run could have started itself.

    Its name covers all that a session keeps from its start: the environment, the options, the configuration files, the code of the
    collection and of the Python packages, the Python and the directory of the run. If one of these has changed, it is another place.

    Args:
        where: the place of the run's own session.
        options: the run's `session` options.
        collection: the directory of the collection.
    """
    base, _slash, name = where.directory.rpartition("/")
    files = [(path, _describe_state(path)) for path in config_file_candidates()]
    packages = [(path, _describe_state(path)) for path in sys.path]
    code = sorted(_list_code(Path(collection, "plugins")))
    parts = [name.rpartition("-")[2], sorted(options.items()), files, packages, code, sys.executable, sys.version, os.getcwd()]
    return "{0}/nebula-{1}-linger-{2}".format(base, os.geteuid(), sha256(repr(parts).encode("utf-8")).hexdigest()[:16])


def _describe_state(path: str) -> tuple[int, ...]:
    """Return what changes with a file or directory. Not its content: a digest of a configuration must not be in a name."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _list_code(directory: Path) -> Iterator[tuple[str, int, int]]:
    for folder, _folders, files in os.walk(directory):
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                found = os.stat(path)
                yield path, found.st_size, found.st_mtime_ns


def take_over(place: str, where: Place, run: tuple[int, str], terms: Mapping[str, Any]) -> bool:
    """Have the session that waits in `place` become that of this run. Return False if there is none, or if it does not do it.

    The session gets the environment of this run: variables of any name may hold logins, and those of the run before may be others.
    The caller holds the lock of the start. When this returns True, the session listens in `where`.

    Args:
        place: of `find_lingering_place`.
        where: the place of the run's own session.
        run: the controller's process id, and when it began.
        terms: `expected` and `awaited` of `launcher.start_session`.
    """
    if not is_private(place):
        return False
    try:
        reply = exchange(place, {"run": run, "directory": where.directory, "environment": dict(os.environ), **terms})
    except (OSError, TypeError, ValueError):
        return False
    return reply.get("result") == TAKEN


def list_sessions() -> list[str]:
    """Return the directories of this user's sessions that outlive a run, or may do so."""
    bases = dict.fromkeys(each for each in (os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR"), "/tmp") if each)  # noqa: S108
    found = [str(each) for base in bases for each in Path(base).glob("nebula-{0}-*".format(os.geteuid()))]
    return [each for each in found if is_private(each) and os.path.lexists(os.path.join(each, LINGERS))]


def _withdraw() -> list[str]:
    """Remove the permission to wait from all sessions that have it. Return their directories."""
    found = list_sessions()
    for directory in found:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, LINGERS))
    return found


def end_sessions() -> int:
    """End this user's sessions that wait for a run, and have those that serve one end with it. Return the number of both.

    Waits until those that wait have returned their tokens, for `FORGET_TIMEOUT` seconds at most.
    """
    found = [*_withdraw(), *_withdraw()]  # the second look finds one that left its run's directory during the first
    waiting = [Place(each).start_file for each in found if "-linger-" in os.path.basename(each)]
    for _pause in range(int(FORGET_TIMEOUT / PAUSE)):
        if not any(map(is_locked, waiting)):
            break
        time.sleep(PAUSE)
    return len(found)
