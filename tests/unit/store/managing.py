# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the manager stand on: a clock that they set, and what they do again and again."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential

START = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
CANARY = "c4n4ry-c4n4ry"


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


def create(manager, name="db", **wanted):
    return manager.create(DesiredCredential(name, **{"value": Secret(CANARY), **wanted}))


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def in_state(manager, state):
    with manager.acting():
        record = manager.backend.get("db")
        manager.backend.patch_metadata(record.with_metadata(lifecycle=state), record.revision)


def ask(manager, operation, **parameters):
    return perform(manager, operation, parameters, NOBODY)


def run(manager, check=False, context=NOBODY, **parameters):
    """What the module `credential` returns for the credential `db`."""
    return perform(manager, "credential", {"name": "db", "state": "present", **parameters}, context, check).result
