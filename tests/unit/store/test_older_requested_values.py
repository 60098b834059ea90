# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Older values of a type whose current value is requested: what was entered is read, what was requested with it is not."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.filter.test_join_keytabs import keytab


@pytest.fixture
def manager() -> CredentialManager:
    made = open_store({"backend": "memory", "audit": "off"})
    for version in (1, 2):
        fields = {"principal": "web@EXAMPLE.TEST", "kdc": "127.0.0.1:1", "keytab": keytab(version)}
        made.ensure(DesiredCredential("web", type="kerberos", fields={name: Secret(text) for name, text in fields.items()}))
    return made


def test_the_keytab_of_an_older_version_is_read_without_a_request(manager: CredentialManager) -> None:
    older = manager.get("web", version="1")
    assert older.token("keytab").expose() == base64.b64decode(keytab(1))


def test_tickets_of_an_older_version_are_not(manager: CredentialManager) -> None:
    with pytest.raises(errors.NoToken):
        manager.get("web", version="1").token("ticket_cache")
