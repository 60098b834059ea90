# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A local store without layers, for the tests of its files."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local


def opened(path, layout="json", indices="indices", **options):
    """A store whose indices are next to it; with None it has none."""
    settings = {"path": str(path), "format": layout, "allow_plaintext": layout != "encrypted", **options}
    store = Local(settings, BackendContext("test", find_indices=lambda: indices and str(path.parent / indices)))
    store.connect()
    return store
