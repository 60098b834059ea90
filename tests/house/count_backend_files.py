# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count the shared files that name a backend: `python tests/house/count_backend_files.py [CHECKOUT [BACKEND …]]`.

A tracked file counts if the backend's name is in it as a word, in any case, in code, comment or prose. Not counted are

- files of a backend: those whose path has its name, or a word that begins as its name does (`kube_apiserver`). The backend's own are
  its folder, harness, page, policies, tests and test server. Those of another one mean something else by the name (a login method of
  Vault, for example), since backends do not import one another;
- records of the past: changelog and decisions;
- pictures that the bench draws.

A name that is also an ordinary word (`local`, `memory`, `vault`, `database`) is found where no backend is meant, so only a name that is
nothing else gives a figure that means something.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Iterable, List

RECORDS = ("CHANGELOG", "changelogs/", "docs/decisions/")
PICTURES = (".svg", ".png")
PREFIX = 4
"""Letters by which a path is known to be a backend's."""


def list_backends(checkout: Path) -> List[str]:
    """Return the names of the backends, by their folders or, before there were any, by their files."""
    library = checkout / "plugins" / "module_utils"
    folders = [path.parent.name for path in library.glob("backends/*/backend.py")]
    files = [path.stem for path in library.glob("providers/*.py") if path.stem not in {"base", "registry"}]
    return sorted({*folders, *files} - {"objects"})


def list_shared_files(backend: str, checkout: Path) -> List[str]:
    """Return the tracked files that name a backend and are no backend's, sorted."""
    named = re.compile(r"(?<![a-z0-9])" + re.escape(backend) + r"(?![a-z0-9])", re.IGNORECASE)
    owned = re.compile("|".join(r"(?<![a-z])" + re.escape(name[:PREFIX]) for name in list_backends(checkout)))
    shared = (
        name for name in _tracked(checkout) if not owned.search(name) and not name.startswith(RECORDS) and not name.endswith(PICTURES)
    )
    return [name for name in shared if named.search((checkout / name).read_text(encoding="utf-8", errors="replace"))]


def _tracked(checkout: Path) -> Iterable[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=checkout, capture_output=True, check=True, text=True)
    return sorted(name for name in listed.stdout.split("\0") if name and (checkout / name).is_file())


def main(arguments: List[str]) -> int:
    """Print the files of these backends, or of each."""
    checkout = Path(arguments[0] if arguments else ".").resolve()
    for backend in arguments[1:] or list_backends(checkout):
        found = list_shared_files(backend, checkout)
        print("{0}: {1}".format(backend, len(found)), *found, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
