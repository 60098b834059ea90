# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of `store_key` do again and again."""

from __future__ import annotations

from contextlib import contextmanager

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import ask


@contextmanager
def reopening(directory):
    """A way to open the store in `directory` again and again, each time as another process would."""
    managers = []

    def open_again(**configuration):
        managers.append(open_store(dict({"backend": "local", "path": str(directory / "store")}, **configuration), name="prod"))
        return managers[-1]

    yield open_again
    for manager in managers:
        manager.close()


def present(manager, **parameters):
    return ask(manager, "store_key", state="present", **parameters).result


def rotated(manager, **parameters):
    return ask(manager, "store_key", state="rotated", **parameters).result


def checked(manager, **parameters):
    return perform(manager, "store_key", parameters, NOBODY, check_mode=True).result
