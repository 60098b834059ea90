# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths in the directory of a local store (docs/integrations/backends/local.md).

Current values are `<root>/<name><extension>`; everything else is in one hidden folder next to them, whose name no credential has.
"""

from __future__ import annotations

import os
import zlib
from typing import Iterator, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.identity import find_working_tree
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import make_directory
from ansible_collections.nebula.credential.plugins.module_utils.model.names import FILE_NAMES, check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES

HIDDEN = ".nebula"
STRIPES = 64
"""The number of lock files for all names. Two names that share one only wait for each other."""


class Layout:
    """The paths of one store. Only builds names, except for `prepare`."""

    def __init__(self, root: str, extension: str) -> None:
        """Take the store's directory and the extension of its format, with the dot."""
        self.root = root
        self.extension = extension
        self.hidden = os.path.join(root, HIDDEN)
        self.tree = find_working_tree(root)
        # What a read or a lock writes is this clone's own, and would be a change of the working tree.
        self.own = self.hidden if self.tree is None else self.tree.find_state(root)
        self.store_document = os.path.join(self.hidden, "metadata.json")
        self.store_lock = os.path.join(self.own, "locks", "store")
        self.backups = os.path.join(self.hidden, "backups")
        self.sweep_mark = os.path.join(self.own, "swept")

    def prepare(self) -> None:
        """Create the folders that writing needs.

        Raises:
            OSError: they cannot be created.
        """
        make_directory(os.path.join(self.own, "locks"))
        for folder in ("versions", "tombstones"):
            make_directory(os.path.join(self.hidden, folder))
        for stage in STAGES:
            make_directory(os.path.join(self.hidden, "tombstones", stage))
            if stage != CURRENT:
                make_directory(self.folder(stage))

    def folder(self, stage: str) -> str:
        """Return the directory of the values of `stage`."""
        return self.root if stage == CURRENT else os.path.join(self.hidden, "stages", stage)

    def record(self, name: str, stage: str) -> str:
        """Return the file of a value."""
        return "{0}/{1}{2}".format(self.folder(stage), FILE_NAMES.escape(name), self.extension)

    def versions(self, name: str) -> str:
        """Return the directory of the older values of a credential."""
        return os.path.join(self.hidden, "versions", FILE_NAMES.escape(name))

    def version(self, name: str, serial: int) -> str:
        """Return the file of one older value."""
        return os.path.join(self.versions(name), str(serial) + self.extension)

    def tombstone(self, name: str, stage: str) -> str:
        """Return the file that records a deletion."""
        return os.path.join(self.hidden, "tombstones", stage, FILE_NAMES.escape(name))

    def lock(self, name: str) -> str:
        """Return the lock file of a name, for all its stages."""
        stripe = zlib.crc32(name.encode("utf-8")) % STRIPES
        return os.path.join(self.own, "locks", "{0:02d}".format(stripe))

    def files(self, stage: str) -> Iterator[str]:
        """Return the names of the files in the folder of `stage` with the format's extension. Opens none.

        Raises:
            OSError: the folder cannot be read.
        """
        try:
            found = os.listdir(self.folder(stage))
        except FileNotFoundError:
            return iter(())
        return (file for file in found if file.endswith(self.extension))

    def name_of(self, file: str) -> Optional[str]:
        """Return the credential of a file, or None if this collection does not write such a file name."""
        try:
            return check_name(FILE_NAMES.unescape(file[: -len(self.extension)]))
        except InvalidInput:
            return None
