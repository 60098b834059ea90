# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count the shared files that name a backend: `python tests/house/count_backend_files.py [CHECKOUT]`, for each backend or `… . kubernetes`.

A tracked file counts if the backend's name is in it as a word, in any case, in code, comment or prose. Not counted are

- the backend's own files, which have its name in their path: its folder, harness, page, policies, tests and test server;
- records of the past: changelog and decisions;
- pictures that the bench draws;
- what is of the same name and no backend (`HOMONYMS`).

A name that is also an ordinary word (`local`, `memory`, `vault`, `database`) is found where no backend is meant. Only a name that is
nothing else gives a figure that means something.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Iterable, List, Mapping, Tuple

RECORDS = ("CHANGELOG", "changelogs/", "docs/decisions/")
PICTURES = (".svg", ".png")
HOMONYMS: Mapping[str, Tuple[str, ...]] = {
    # Vault's login method of that name, and its tests.
    "kubernetes": (r"plugins/module_utils/(?:backends/)?vault/", r"docs/backends/vault", r"tests/(?:.*/)?(?:test_)?vault"),
}
SHORT_NAMES: Mapping[str, str] = {"kubernetes": "kube"}
"""What the paths of a backend's own files may have in place of its name."""


def list_shared_files(backend: str, checkout: Path) -> List[str]:
    """Return the tracked files that name a backend without being its own, sorted."""
    word = re.compile(r"(?<![a-z0-9])" + re.escape(backend) + r"(?![a-z0-9])", re.IGNORECASE)
    return [name for name in _tracked(checkout) if not _is_left_out(name, backend) and word.search(_text(checkout / name))]


def _is_left_out(name: str, backend: str) -> bool:
    is_own = SHORT_NAMES.get(backend, backend) in name
    is_other = any(re.match(pattern, name) for pattern in HOMONYMS.get(backend, ()))
    return is_own or is_other or name.startswith(RECORDS) or name.endswith(PICTURES)


def _tracked(checkout: Path) -> Iterable[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=checkout, capture_output=True, check=True, text=True)
    return sorted(name for name in listed.stdout.split("\0") if name and (checkout / name).is_file())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def main(arguments: List[str]) -> int:
    """Print the files of one backend, or of each by its folder."""
    checkout = Path(arguments[0] if arguments else ".").resolve()
    folders = (path.name for path in (checkout / "plugins/module_utils/backends").glob("*/options.py"))
    for backend in arguments[1:] or sorted(set(folders) - {"objects"}):
        found = list_shared_files(backend, checkout)
        print("{0}: {1}".format(backend, len(found)), *found, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
