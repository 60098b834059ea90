# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all backends share names none of them."""

from __future__ import annotations

from tests.house.count_backend_files import list_shared_files
from tests.house.rooms import CHECKOUT
from tests.house.source import SourceTree

KNOWN = {
    "README.md": "which backends there are, and what to install",
    "docs/integrations/backends/README.md": "the backends compared",
    "docs/README.md": "the map of the pages, one of which is about running plays in a cluster",
    "docs/reference/supported-versions.md": "which versions of servers were tried",
    "docs/how-to/locks.md": "the kinds of locks",
    "plugins/module_utils/locks/registry.py": "the row of a kind of lock",
    "tests/integration/test_lock_rights.py": "the kinds of locks",
    "tests/integration/test_locks.py": "the kinds of locks",
    "docs/integrations/targets/README.md": "the kinds of targets",
    "plugins/doc_fragments/rotation_targets.py": "the kinds of targets",
    "plugins/module_utils/rotation/targets/catalog.py": "the row of a kind of target",
    "roles/rotate/vars/main.yml": "the kinds of targets",
    "galaxy.yml": "its tags, by which people search",
    "plugins/module_utils/backends/registry.py": "its row",
    "requirements/backends.txt": "its line",
}


def test_a_backend_is_named_in_these_shared_files_at_most():
    """`kubernetes` is counted, as its name is no other word."""
    assert set(list_shared_files("kubernetes", SourceTree(CHECKOUT))) <= set(KNOWN)
