# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count the shared files that name a backend: `python -m tests.house.count_backend_files [CHECKOUT [BACKEND …]]`.

A tracked file counts if the backend's name is in it as a word, in any case, in code, comment or prose. Not counted are

- files of a backend: those whose path has its name, or a word that begins as its name does (`kube_apiserver`). The backend's own are
  its folder, harness, page, policies, tests and test server. Those of another one mean something else by the name (a login method of
  Vault, for example), since backends do not import one another;
- records of the past: changelog and decisions;
- locks: a kind of lock may have the name of a backend;
- rotation targets and the lists of them: a target may have the name of a backend, too;
- pictures that the bench draws and figures that it keeps, and the pages that are written from the backends' declarations;
- what counts: this directory, and its tests.

A name that is also an ordinary word (`local`, `memory`, `vault`, `database`) is found where no backend is meant, so only a name that is
nothing else gives a figure that means something.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import List

from tests.house.source import SourceTree

LEFT_OUT = re.compile(
    r"^(?:CHANGELOG|changelogs/|docs/decisions/|tests/house/|tests/unit/house/|docs/reference/options\.md$"
    r"|docs/integrations/backends/comparison\.md$|docs/parity\.md$|tests/bench/(?:figures|plays)\.json$)"
    r"|plugins/module_utils/rotation/targets/|plugins/doc_fragments/rotation_targets\.py$|docs/integrations/targets/|roles/rotate/vars/"
    r"|tests/targets/|\.(?:svg|png)$|(?:^|[/_])(?:locks?|adopt|adopted|adoption)(?:[/_.-]|$)"
)
PREFIX = 4
"""Letters by which a path is known to be a backend's."""


def list_backends(tree: SourceTree) -> List[str]:
    """Return the names of the backends: of their folders, and of their files in the layout that had no folders."""
    files = [Path(source.name).stem for source in tree.glob("plugins/module_utils/providers/*.py")]
    return sorted({*tree.folders("plugins/module_utils/backends"), *files} - {"objects", "base", "registry"})


def list_shared_files(backend: str, tree: SourceTree) -> List[str]:
    """Return the files that name a backend and are no backend's, sorted."""
    named = re.compile(r"(?<![a-z0-9])" + re.escape(backend) + r"(?![a-z0-9])", re.IGNORECASE)
    owned = re.compile("|".join(r"(?<![a-z])" + re.escape(name[:PREFIX]) for name in list_backends(tree)))
    shared = (source for source in tree.listed if not owned.search(source.name) and not LEFT_OUT.search(source.name))
    servers = list_servers(backend, tree)
    return [source.name for source in shared if named.search(source.text) and source.name not in servers]


def list_servers(backend: str, tree: SourceTree) -> List[str]:
    """Return the files of the test servers that only the harness of a backend names."""
    harnesses = {Path(source.name).stem: source.text for source in tree.glob("tests/backends/*.py")}
    servers = [Path(source.name) for source in tree.glob("tests/servers/*.py")]
    naming = {path: [name for name, text in harnesses.items() if '"{0}"'.format(path.stem) in text] for path in servers}
    return [str(path) for path, names in naming.items() if names == [backend]]


def main(arguments: List[str]) -> int:
    """Print the files of these backends, or of each."""
    tree = SourceTree(Path(arguments[0] if arguments else ".").resolve())
    for backend in arguments[1:] or list_backends(tree):
        found = list_shared_files(backend, tree)
        print("{0}: {1}".format(backend, len(found)), *found, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
