# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of overwritten and deleted values, one folder per day, until their retention ends (A2)."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from typing import Callable, Iterator, List, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import copy_durably, wipe
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import make_directory
from ansible_collections.nebula.credential.plugins.module_utils.model.names import FILE_NAMES

_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")


def _today() -> date:
    return datetime.now(timezone.utc).date()


class Backups:
    """`<location>/<YYYY-MM-DD>/<escaped name>/<serial><extension>`, days in UTC."""

    def __init__(self, location: str, retention: int, warn: Callable[[str], object], today: Callable[[], date] = _today) -> None:
        """Keep copies at `location` for `retention` days. `warn` takes the reason why something was not copied."""
        self.location = location
        self._retention = retention
        self._warn = warn
        self._today = today

    def add(self, path: str, name: str, serial: str) -> None:
        """Copy the file `path`, durably, and remove the days that are past their retention.

        What cannot be a credential (no regular file, or larger than one can be) is not copied, with a warning.

        Args:
            path: the file of the value that will be replaced or deleted.
            name: the credential, escaped as a file name.
            serial: the value's serial with the extension of its format.

        Raises:
            OSError: the copy cannot be written.
        """
        folder = os.path.join(self.location, self._today().isoformat(), name)
        make_directory(folder)
        try:
            copy_durably(path, os.path.join(folder, serial))
        except Damaged as problem:
            self._warn("No backup was made, because it cannot be a credential: {0}".format(problem))
        self.remove_expired()

    def remove_expired(self) -> None:
        """Wipe the days that are past their retention, as far as possible."""
        oldest = (self._today() - timedelta(days=self._retention)).isoformat()
        for day in self._days():
            if day < oldest:
                _wipe_folder(os.path.join(self.location, day))

    def paths(self, extension: str) -> Iterator[Tuple[str, str]]:
        """Yield (credential, path) of every copy with that extension. Folders that `add` never makes are left out."""
        for day in self._days():
            for escaped in sorted(os.listdir(os.path.join(self.location, day))):
                folder = os.path.join(self.location, day, escaped)
                with suppress(InvalidInput):
                    name = FILE_NAMES.unescape(escaped)
                    files = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
                    yield from ((name, os.path.join(folder, file)) for file in files if file.endswith(extension))

    def _days(self) -> List[str]:
        """Return the folders of days. A link is left out: what it leads to is not ours, and would be wiped."""
        if not os.path.isdir(self.location):
            return []
        with os.scandir(self.location) as entries:
            return sorted(entry.name for entry in entries if _DAY.match(entry.name) and entry.is_dir(follow_symlinks=False))


def _wipe_folder(folder: str) -> None:
    for parent, folders, files in os.walk(folder, topdown=False):
        for file in files:
            with suppress(OSError, Damaged):
                wipe(os.path.join(parent, file))
        for child in folders:
            with suppress(OSError):
                os.rmdir(os.path.join(parent, child))
    with suppress(OSError):
        os.rmdir(folder)
