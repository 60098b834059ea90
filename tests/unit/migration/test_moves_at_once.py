# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs that move the same credential at once."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.unit.migration.test_migrate import CALLER, destination, migrate, names_of, row_of, source

__all__ = ["destination", "source"]


def test_two_moves_there_and_back_at_once_delete_no_last_copy(source, destination):
    """Each has verified the copy that the other one is about to delete."""

    class Overtaken(Layer):
        others = []

        def delete(self, name, **more):
            if not self.others:
                self.others.append(migrate(destination, source, "app/one", after="delete"))
            self.inner.delete(name, **more)

    moving = CredentialManager(Overtaken(source.backend), store="source")
    result = migrate(moving, destination, "app/one", after="delete")
    assert "msg" not in Overtaken.others[0]
    assert "app/one" not in names_of(destination)
    assert source.get("app/one", context=CALLER).token() == Secret("value of app/one")
    assert (row_of(result, "app/one")["code"], "written back" in result["msg"]) == ("conflict", True)
