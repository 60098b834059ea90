# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores of every kind with credentials of every sort, and what must be equal after a migration."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.backends.discovery import KINDS

CALLER = AccessContext()
KEY = bytes(range(32))
PATIENT = {"audit": "off", "read_timeout": 120.0, "write_timeout": 120.0}
"""A busy machine is no failure."""
LONGEST = "l" + "ong-Name_0" * 11 + "/" + "z" * 8
ODD_NAMES = ("db-pass", "db_pass", "DB_PASS", "a.b/c-d/E_F", LONGEST)
STORES = tuple(kind for kind in KINDS if kind.configurable)
RING = tuple(zip(STORES, (*STORES[1:], STORES[0])))
"""Each kind of store is once a source and once a destination."""
EVERY_PAIR = tuple((source, destination) for source in STORES for destination in STORES)


def open_kind(kind, directory, name):
    """Open the kind's store of a directory, as a user's configuration does."""
    directory.mkdir(exist_ok=True)
    remote = backend_class(kind.backend).capabilities.remote
    more = PATIENT if remote else {"audit": "off"}
    return open_store(kind.configuration(directory, **more), name=name)


def fill(manager, largest):
    """Store credentials with three versions and `previous`, with binary and large values, odd names, and all metadata."""
    described = {
        "type": "basic",
        "description": "Zugang für »db«",
        "tags": {"env": "prod", "empty": ""},
        "policy": {"kind": "periodic", "every": "30d"},
        "expires_at": datetime(2099, 1, 2, 3, 4, 5, 123456, tzinfo=timezone.utc),
    }
    for value in ("one", "two", "three"):
        fields = {"username": Secret("app"), "password": Secret(value)}
        manager.ensure(DesiredCredential("versions", fields=fields, **described), CALLER)
    if manager.backend.capabilities.stages:
        with manager.acting(CALLER):
            current = manager.backend.get("versions")
            kept = Record("versions", "basic", {"password": Secret("two")}, metadata=current.full_metadata, stage=PREVIOUS)
            manager.backend.put(kept, create=True)
    for name in ODD_NAMES:
        manager.create(DesiredCredential(name, value=Secret("value of " + name)), CALLER)
    manager.create(DesiredCredential("binary", value=Secret(bytes(range(256)))), CALLER)
    manager.create(DesiredCredential("large", value=Secret("x" * largest)), CALLER)


def find_largest(*managers):
    """Return the bytes of the largest value to test: 64 KiB, or what the smaller store holds, encoded and with its metadata."""
    most = [manager.backend.capabilities.max_bytes for manager in managers]
    return min([65536, *((limit - 4096) // 2 for limit in most if limit is not None)])


def migrate(source, destination, check_mode=False, **parameters):
    if "names" not in parameters:
        parameters.setdefault("all", True)
    return perform(source, "migrate", dict(parameters, lossy=True), CALLER, check_mode, beside={"to": destination}).result


def read_all(manager):
    """Return all that a store holds of each credential, by its name: the values of its versions and of `previous`, and a digest."""
    found = {}
    for row in manager.list(context=CALLER):
        portable = manager.export(row.name, CALLER)
        found[row.name] = (portable.digest(KEY, "default"), tuple(read_value(record) for record in portable.versions))
    return found


def read_value(record):
    assert record.stage in (CURRENT, PREVIOUS)
    return tuple(sorted((name, value.expose()) for name, value in record.fields.items()))
