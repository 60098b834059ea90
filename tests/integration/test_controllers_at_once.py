# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several controllers rotate the same credentials at once: each credential is rotated once, in the store and at the service.

Real runs of `ansible-playbook nebula.credential.rotate`, a real PostgreSQL whose log says how often each role was changed, and a store
of each style that several controllers share. NEBULA_ROTATED_AT_ONCE is the number of credentials.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.encoding.scram import build_verifier
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.backends.discovery import KINDS
from tests.backends.harness import StoreKind
from tests.integration.nights import DAILY
from tests.servers import once

NUMBER = int(os.environ.get("NEBULA_ROTATED_AT_ONCE", "50"))
SHARED = [kind for kind in KINDS if kind.label in ("database-sqlite-encrypted", "database-postgresql-encrypted", "vault-kv2")]
pytestmark = [pytest.mark.server, pytest.mark.long(reason="minutes of computing: make test-long")]


def provision(configured: dict[str, Any], server: Any) -> list[str]:
    """Make roles on the server and their credentials in the store, due for a day. Return the roles' names."""
    store = open_store(configured)
    manager = CredentialManager(store.backend, clock=lambda: datetime.now(timezone.utc) - timedelta(days=2))
    admin = {"username": Secret(server.user), "password": Secret(server.password)}
    manager.create(DesiredCredential("admin", type="basic", fields=admin))
    prefix = "r" + secrets.token_hex(4)
    roles = ["{0}_{1:02}".format(prefix, number) for number in range(NUMBER)]
    for role in roles:
        password = secrets.token_urlsafe(16)
        server.run("CREATE ROLE {0} LOGIN PASSWORD '{1}'".format(role, build_verifier(password)))
        fields = {"username": Secret(role), "password": Secret(password)}
        manager.create(DesiredCredential(role, type="basic", fields=fields, policy=DAILY, rotation={"target": "db"}))
    store.close()
    return roles


@pytest.mark.parametrize("controllers", [2, 4])
@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.label)
def test_each_credential_is_rotated_once(kind: StoreKind, controllers: int, project: Any, tmp_path: Any) -> None:
    server = once.postgresql()
    configured = kind.configuration(tmp_path / "store", audit="off")
    roles = provision(configured, server)
    try:
        logged = len(server.log.read_text(errors="replace"))
        target = {"kind": "postgresql", "host": server.host, "port": server.port, "admin_credential": "admin"}
        project.write("ansible.cfg", "[defaults]\n")
        project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": configured}, "targets": {"db": target}}))
        runs = [project.start("ansible-playbook", "nebula.credential.rotate", "-e", "rotate_parallel=4") for _number in range(controllers)]
        outputs = [run.communicate()[0] for run in runs]
        assert [run.returncode for run in runs] == [0] * controllers, outputs
        promoted = Counter(role for output in outputs for role in re.findall(r"^(\S+) +db +promoted", output, re.MULTILINE))
        assert promoted == Counter(roles)
        changed = re.findall(r'ALTER (?:USER|ROLE) "?(\w+)"?', server.log.read_text(errors="replace")[logged:])
        assert Counter(role for role in changed if role in roles) == Counter(roles)
        store = open_store(configured)
        assert all(server.accepts(role, store.get(role).token().expose().decode()) for role in roles)
        store.close()
    finally:
        for role in roles:
            server.run("DROP ROLE {0}".format(role))
