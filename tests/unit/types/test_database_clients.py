# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client libraries with which logins of databases are tried."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.database import CLIENTS, ENGINES, Database
from ansible_collections.nebula.credential.plugins.module_utils.types.database_programs import PROGRAMS


def test_each_engine_has_a_client_and_a_program():
    assert set(CLIENTS) == set(PROGRAMS) == set(ENGINES)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_client_that_is_missing_is_named_with_its_package_and_no_other(engine, monkeypatch):
    monkeypatch.setattr(errors, "_is_installed", lambda _module: False)
    given = {"engine": engine, "password": "c4n4ry", "username": "app", "host": "db.example.com"}
    kind = Database()
    fields = kind.validate({name: Secret(text) for name, text in given.items()})
    with pytest.raises(errors.MissingLibrary, match="packages are not installed: {0}\\b".format(CLIENTS[engine].module)) as caught:
        kind.try_login(fields)
    assert [each.requirement for each in Database.packages if each.requirement in caught.value.remedy] == [CLIENTS[engine].requirement]
