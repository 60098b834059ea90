# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store that entries are adopted into, and what the operation says of them."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.adoption.entry import write_entry
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform


def find(name, value="one", origin="file, line 1", **more):
    """One entry as a reader finds it."""
    return Found(name, value, more.pop("fields", {}), origin, **more)


class Target:
    """A local store."""

    def __init__(self, manager):
        self.manager = manager

    def adopt(self, *found, check=False, **options):
        """The result of the operation, as the module requests it."""
        entries = [write_entry(one, one.name) for one in found]
        return perform(self.manager, "adopt", {"entries": entries, **options}, NOBODY, check).result

    def row(self, *found, **options):
        return self.adopt(*found, **options)["results"][0]

    def value(self, name, field=None):
        return self.manager.get(name).token(field).expose()
