# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The previous value is kept, up to `max_grace`, as long as a recorded file of a host holds it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, RotationInProgress
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from tests.unit.operations.rotated_store import PG, Store

HOUR = timedelta(hours=1)
SKEW = timedelta(minutes=3)


@pytest.fixture
def store() -> Store:
    made = Store()
    made.create()
    return made


def deploy(store: Store, host: str, version: str) -> None:
    file = {"host": host, "dest": "/etc/db", "versions": {"db_pass": version}, "how": {}, "controller": "", "before": []}
    perform(store.manager, "record_deployment", {"files": [file]}, AccessContext())


def rotate(store: Store, **options: str) -> dict[str, Any]:
    store.rotate(phase="prepare", **options)
    store.rotate(phase="test", accepted=True, wrong_refused=True)
    return dict(store.rotate(phase="commit")["rotation"])


def settle(store: Store) -> dict[str, Any]:
    return dict(store.rotate(phase="settle")["rotation"])


def test_the_grace_period_goes_on_while_a_host_holds_the_previous_value(store: Store) -> None:
    deploy(store, "web1", "1")
    deploy(store, "web2", "1")
    assert rotate(store, grace="1h", max_grace="24h")["holders"] == ["web1", "web2"]
    deploy(store, "web1", "2")
    store.now += HOUR + SKEW
    standing = settle(store)
    assert (standing["phase"], standing["holders"], standing["retire_by"]) == ("grace", ["web2"], "2026-11-23T00:00:00+00:00")
    assert store.value("previous") == "old-word"
    deploy(store, "web2", "2")
    assert settle(store)["phase"] == "closed"


def test_the_status_names_the_hosts_that_hold_it_now(store: Store) -> None:
    deploy(store, "web1", "1")
    deploy(store, "web2", "1")
    rotate(store, grace="1h", max_grace="24h")
    deploy(store, "web1", "2")
    assert store.rotate(phase="status")["rotation"]["holders"] == ["web2"]


def test_a_host_of_this_run_that_the_session_has_not_recorded_yet_counts(store: Store) -> None:
    store.manager.deployments()._waits = True  # as in a session
    deploy(store, "web1", "1")
    assert rotate(store, grace="1h", max_grace="24h")["holders"] == ["web1"]


def test_a_rotation_without_a_target_waits_for_hosts_too(store: Store) -> None:
    deploy(store, "web1", "1")
    standing = store.rotate(target="none", max_grace="24h")["rotation"]
    assert (standing["phase"], standing["holders"]) == ("grace", ["web1"])
    deploy(store, "web1", "2")
    assert settle(store)["phase"] == "closed"


def test_it_does_not_end_before_grace_though_no_host_holds_it(store: Store) -> None:
    rotate(store, grace="2h", max_grace="24h")
    store.now += HOUR
    assert settle(store)["phase"] == "grace"
    store.now += HOUR + SKEW
    assert settle(store)["phase"] == "closed"


def test_at_max_grace_it_ends_and_names_the_hosts(store: Store) -> None:
    deploy(store, "web1", "1")
    rotate(store, grace="1h", max_grace="2h")
    store.now += 2 * HOUR + SKEW
    closed = settle(store)
    assert (closed["phase"], closed["holders"]) == ("closed", ["web1"])


def test_without_max_grace_no_host_is_waited_for(store: Store) -> None:
    deploy(store, "web1", "1")
    assert rotate(store, grace="1h")["holders"] == []
    store.now += HOUR + SKEW
    assert settle(store)["phase"] == "closed"


def test_a_host_with_an_even_older_value_is_not_waited_for(store: Store) -> None:
    deploy(store, "web1", "0")
    assert rotate(store, max_grace="24h")["phase"] == "closed"


def test_a_new_rotation_is_refused_meanwhile_and_names_the_hosts(store: Store) -> None:
    deploy(store, "web1", "1")
    rotate(store, grace="1h", max_grace="24h")
    store.now += HOUR + SKEW
    with pytest.raises(RotationInProgress, match="hosts hold the previous value: web1"):
        store.rotate(phase="prepare")


def test_the_policy_says_how_long(store: Store) -> None:
    deploy(store, "web1", "1")
    store.manager.update("db_pass", policy={"kind": "manual", "grace": 60, "max_grace": 7200})
    assert rotate(store)["retire_by"] == "2026-11-22T02:00:00+00:00"


@pytest.mark.parametrize(
    "options", [{"grace": "2h", "max_grace": "1h"}, {"max_grace": "0"}, {"max_grace": "soon"}, {"max_grace": "1h", "phase": "commit"}]
)
def test_one_that_makes_no_sense_is_refused(store: Store, options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        store.rotate(**{"phase": "prepare", **options})
    assert refused.value.option == "max_grace"


def test_a_target_that_accepts_one_value_takes_none(store: Store) -> None:
    with pytest.raises(InvalidInput, match="one value at a time"):
        store.rotate(step={"look": True}, max_grace="1h", **PG)


def test_a_policy_with_one_that_is_not_longer_is_refused(store: Store) -> None:
    policy = {"kind": "manual", "grace": "60", "max_grace": "60"}
    with pytest.raises(InvalidInput) as refused:
        perform(store.manager, "credential", {"name": "db_pass", "state": "present", "policy": policy}, AccessContext())
    assert refused.value.option == "policy.max_grace"


def test_a_host_that_is_gone_for_good_leaves_the_record_and_is_not_waited_for(store: Store) -> None:
    deploy(store, "web1", "1")
    deploy(store, "web2", "1")
    rotate(store, grace="1h", max_grace="24h")
    assert store.rotate(phase="forget", forget=["web2"])["rotation"]["holders"] == ["web1"]
    with pytest.raises(InvalidInput, match="the rotation does not wait for: 'web3'"):
        store.rotate(phase="forget", forget=["web1", "web3"])
    assert store.rotate(phase="status")["rotation"]["holders"] == ["web1"]


def test_a_host_is_forgotten_also_if_no_rotation_is_open(store: Store) -> None:
    deploy(store, "web1", "1")
    assert store.rotate(phase="forget", forget=["web1"])["changed"]
    row = perform(store.manager, "credential_info", {"names": ["db_pass"], "deployed": True}, AccessContext()).result["credentials"][0]
    assert row["deployed"] == {}
