# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an earlier version stored is read as it was, and written on."""

from __future__ import annotations

import base64
from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import query
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.fixtures.stored_before import FIXTURES, StoredBefore

CALLER = AccessContext(workflow="deploy", user="alice", tags={"team": "web"})
STORES = sorted(path.stem for path in FIXTURES.glob("*.json") if not path.stem.endswith("-journals"))


@pytest.fixture
def stored(request, tmp_path, monkeypatch):
    before = StoredBefore(request.param, tmp_path)
    before.use_its_home(monkeypatch)
    return before


LATER = (
    "requires_interaction",
    "is_terminal",
    "version_created_at",
    "rotated_at",
    "due_at",
    "warning_from",
    "overdue",
    "metadata",
    "rotation",
)
"""What a description has that the earlier version's had not."""


def read_value(credential):
    described = credential.describe()
    assert (described["version_created_at"], described["rotated_at"]) == (described["created_at"], None)
    return {
        "describe": {name: value for name, value in described.items() if name not in LATER},
        "fields": {name: base64.b64encode(secret.expose()).decode() for name, secret in credential.fields.items()},
        "history": [[step.event, step.origin, step.target, step.at.isoformat()] for step in credential.metadata.history],
        "attributes": dict(credential.metadata.attributes),
    }


def read_stages(manager, name):
    found = {}
    for stage in STAGES:
        try:
            found[stage] = read_value(manager.inspect(name, stage=stage, context=CALLER))
        except NotFound:
            continue
    return found


def read_version(manager, name, info):
    written = info.created_at and info.created_at.isoformat()
    value = read_value(manager.inspect(name, version=info.version, context=CALLER))
    return {"version": info.version, "current": info.current, "created_at": written, "value": value}


def read_all(manager):
    names = [credential.name for credential in manager.list(context=CALLER)]
    return {
        name: {
            "stages": read_stages(manager, name),
            "versions": [read_version(manager, name, info) for info in manager.versions(name, CALLER)],
        }
        for name in names
    }


@pytest.mark.parametrize("stored", STORES, indirect=True)
def test_every_value_version_stage_and_date_is_what_it_was(stored):
    with closing(stored.open()) as manager:
        assert read_all(manager) == stored.facts["credentials"]


@pytest.mark.parametrize("stored", STORES, indirect=True)
def test_the_next_version_counts_on_from_the_stored_one(stored):
    last = stored.facts["credentials"]["db_pass"]["stages"]["current"]["describe"]["serial"]
    with closing(stored.open()) as manager:
        manager.ensure(DesiredCredential("db_pass", value=Secret("newer")), CALLER)
    with closing(stored.open()) as manager:
        newest = manager.get("db_pass", context=CALLER)
    assert (newest.record.serial, newest.token().expose()) == (last + 1, b"newer")


@pytest.mark.parametrize("stored", STORES, indirect=True)
def test_a_deleted_credential_never_gets_a_used_serial(stored):
    with closing(stored.open()) as manager:
        created = manager.create(DesiredCredential("gone", value=Secret("back")), CALLER)
    assert created.record.serial == stored.facts["gone"] + 1


@pytest.mark.parametrize("stored", STORES, indirect=True)
def test_a_rotation_prepared_by_hand_is_committed(stored):
    with closing(stored.open()) as manager:
        for phase in ({"phase": "test", "accepted": True, "wrong_refused": True}, {"phase": "commit"}):
            perform(manager, "credential_rotate", dict(phase, name="waiting"), CALLER)
        assert manager.get("waiting", context=CALLER).token().expose() == b"next"


@pytest.mark.parametrize("stored", STORES, indirect=True)
def test_the_audit_trail_is_whole_and_is_continued(stored):
    path = stored.path(stored.facts["audit"])
    before = len(list(query(path)))
    with closing(stored.open()) as manager:
        manager.get("db_pass", context=CALLER)
        manager.flush()
        assert manager.trail.verify() == []
        assert len(list(query(path))) > before


@pytest.mark.parametrize("stored", ["local-encrypted", "sqlite-encrypted"], indirect=True)
def test_the_master_key_is_rotated_and_opens_everything(stored):
    with closing(stored.open()) as manager:
        manager.rotate_key(CALLER)
    with closing(stored.open()) as manager:
        assert read_all(manager) == stored.facts["credentials"]
