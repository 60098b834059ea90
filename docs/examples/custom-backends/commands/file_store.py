# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects as JSON files of a directory, each with mode 0600. It encrypts nothing: an example, and what the tests of the protocol use.

`options: {directory: …}`.
"""

from __future__ import annotations

import json
import os
from typing import List, Optional

from nebula_command import Parts, Place, find_files, serve, write_file


class Files(Place):
    """One file per object."""

    @property
    def location(self) -> str:
        return os.path.realpath(self.need("directory"))

    @property
    def lock_path(self) -> str:
        os.makedirs(self.location, mode=0o700, exist_ok=True)
        return os.path.join(self.location, ".nebula-lock")

    def _file(self, path: str) -> str:
        return os.path.join(self.location, path + ".json")

    def read(self, path: str) -> Optional[Parts]:
        try:
            with open(self._file(path), encoding="utf-8") as file:
                return dict(json.load(file))
        except FileNotFoundError:
            return None

    def write(self, path: str, parts: Parts) -> None:
        write_file(self._file(path), json.dumps(parts).encode())

    def remove(self, path: str) -> None:
        os.unlink(self._file(path))

    def paths(self) -> List[str]:
        return find_files(self.location, ".json")


if __name__ == "__main__":
    serve(Files)
