# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `vault_static_role` on a real OpenBao with a real PostgreSQL: what it requests, takes over, and refuses at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from tests.targets.rotated import Rotated
from tests.targets.rows import rotating
from tests.targets.vault_static_role import MOUNT, StaticRole

RIGHTS = {"static-creds": "read", "rotate-role": "update"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Rotated]:
    with rotating(StaticRole, tmp_path) as made:
        yield made


def test_a_rotation_makes_these_requests_to_the_engine(world: Any) -> None:
    service = world.service
    service.show, before = None, len(service.server.requests(MOUNT))
    world.service.opens = lambda _fields: True
    assert world.run() == "promoted"
    asked = [each["path"].split("/")[1] for each in service.server.requests(MOUNT)[before:]]
    # Whether there is such a role; the password, its change, the new one; the new one and a wrong one are tried.
    assert asked == ["static-creds", "static-creds", "rotate-role", "static-creds", "static-creds", "static-creds"]


def test_a_password_that_the_server_has_changed_by_itself_is_taken_over_and_none_is_made(world: Any) -> None:
    world.service.change_elsewhere()
    changed = world.service.show()
    assert world.run() == "promoted"
    assert world.values()["current"] == changed
    assert world.service.opens(changed)


@pytest.mark.parametrize("kind", RIGHTS)
def test_a_capability_that_is_missing_is_named_before_anything_is_changed(world: Any, kind: str) -> None:
    rights = {each: "deny" if each == kind else right for each, right in RIGHTS.items()}
    rules = ['path "{0}/{1}/*" {{ capabilities = ["{2}"] }}'.format(MOUNT, each, right) for each, right in rights.items()]
    world.service.server.policy("policy-" + world.service.role, "\n".join(rules))
    with pytest.raises(errors.AccessDenied) as raised:
        world.run()
    assert kind in str(raised.value)
    assert world.service.opens(world.values()["current"])


def test_a_role_that_is_not_there_is_named(world: Any) -> None:
    options = {**world.service.options(), "role": "nobody"}
    world.service.options = lambda: options
    world.service.server.policy("policy-" + world.service.role, 'path "{0}/*" {{ capabilities = ["read", "update"] }}'.format(MOUNT))
    with pytest.raises(errors.NotFound) as raised:
        world.run()
    assert "there is no static role 'nobody'" in str(raised.value)
    assert world.calls == ["precheck"]
