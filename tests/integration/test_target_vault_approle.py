# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `vault_approle` on a real OpenBao: what it requests, whose secret ids it leaves, and what it refuses at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from tests.targets.faults import FAULTS
from tests.targets.rotated import SETTLE
from tests.targets.rows import rotating
from tests.targets.vault_approle import RoleOfOpenBao

MAKE = 5
"""The number of the call that makes a secret id: precheck, two probes and the list come before it."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Any]:
    with rotating(RoleOfOpenBao, tmp_path) as made:
        yield made


def test_a_rotation_makes_these_requests_and_leaves_the_secret_ids_of_others(world: Any) -> None:
    service = world.service
    others, before = set(service.accessors()), len(service.server.requests(service.path))
    assert world.run() == "promoted"
    requests = [each["path"][len(service.path) :].rstrip("/") for each in service.server.requests(service.path)[before:]]
    # The role; the list, with a lookup of each; the new one.
    assert requests == ["", "/secret-id", "/secret-id-accessor/lookup", "/secret-id-accessor/lookup", "/secret-id"]
    made = set(service.accessors()) - others
    assert len(made) == 1
    world.elapse(3600)
    world.run(SETTLE)
    assert len(service.accessors()) == 2
    assert made < set(service.accessors())


def test_a_secret_id_whose_response_was_lost_is_found_by_its_mark_and_dropped(world: Any) -> None:
    others = set(world.service.accessors())
    world.fault, world.fault_at = FAULTS["answer_lost"], MAKE
    with pytest.raises(errors.RotationFailed):
        world.run()
    assert len(world.service.accessors()) == 3
    world.elapse(3600)
    world.run(SETTLE)
    assert set(world.service.accessors()) == others


@pytest.mark.parametrize("path", ["/secret-id", "/secret-id-accessor/destroy", ""], ids=["make", "drop", "read"])
def test_a_capability_that_is_missing_is_named_before_anything_is_begun(world: Any, path: str) -> None:
    server, name = world.service.server, world.service.path + path
    server.policy("policy-" + world.service.role, 'path "{}" {{ capabilities = ["deny"] }}'.format(name))
    with pytest.raises(errors.AccessDenied) as raised:
        world.run()
    assert "the administrator has no capability" in str(raised.value)
    assert world.values().keys() == {"current"}


def test_a_role_whose_secret_ids_are_used_up_by_probes_is_refused(world: Any) -> None:
    world.service.server.call("POST", world.service.path, {"secret_id_num_uses": 40})
    with pytest.raises(errors.InvalidInput) as raised:
        world.run()
    assert "can be used 40 times" in str(raised.value)
    assert world.calls == ["precheck"]


def test_a_token_that_is_not_valid_is_named(world: Any) -> None:
    world.service.server.call("POST", "auth/token/revoke", {"token": world.service._token})
    with pytest.raises(errors.LoginFailed) as raised:
        world.run()
    assert "does not accept the administrator's token" in str(raised.value)
    assert world.service._token not in str(raised.value)
