# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `aws_iam`: what it requests, whose keys it leaves, what it refuses before a key is made; and once on MiniStack."""

from __future__ import annotations

import contextlib
import json
import secrets
from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from tests.servers import once
from tests.targets import aws_iam
from tests.targets.aws_iam import MAKES, MANAGES, UserOfIam
from tests.targets.faults import FAULTS
from tests.targets.rotated import SETTLE, Rotated
from tests.targets.rows import rotating

MAKE = 5
"""The number of the call that makes a key: precheck, two probes and the list come before it."""


class SharedUser(UserOfIam):
    """A user for which others make keys, too."""

    def options(self) -> Mapping[str, Any]:
        return {**super().options(), "sole_owner": False}


class SelfService(UserOfIam):
    """A user that may change its own keys."""

    def start(self) -> None:
        super().start()
        statement = {"Effect": "Allow", "Action": [*MANAGES, MAKES], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws_iam.root().put_user_policy(UserName=self.user, PolicyName="own", PolicyDocument=document)

    def options(self) -> Mapping[str, Any]:
        return {name: option for name, option in super().options().items() if name != "admin_credential"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Rotated]:
    with rotating(UserOfIam, tmp_path) as made:
        yield made


def test_a_rotation_makes_these_requests(world: Any) -> None:
    server = world.service.server
    before = server.count()
    seen, world.service.opens = world.service.opens, lambda _fields: True
    assert world.run() == "promoted"
    actions = [each.action.partition(".")[2] for each in server.requests(since=before)]
    world.service.opens = seen
    who, listed = "GetCallerIdentity", "ListAccessKeys"
    # The administrator's right to list; the current key and a wrong one; the list; the new key; that key and a wrong one.
    assert actions == [listed, who, who, listed, "CreateAccessKey", who, who]


def test_a_user_with_two_keys_is_refused_with_both_named_before_any_is_made(world: Any) -> None:
    world.service.make()
    keys = world.service.keys()
    with pytest.raises(errors.RotationFailed) as raised:
        world.run()
    assert "so none was made: {}".format(", ".join(sorted(keys))) in str(raised.value)
    assert world.service.keys() == keys


def test_a_key_that_may_be_of_another_party_is_named_and_stays(tmp_path: Path) -> None:
    with rotating(SharedUser, tmp_path) as world:
        world.fault, world.fault_at = FAULTS["answer_lost"], MAKE
        with pytest.raises(errors.RotationFailed):
            world.run()
        world.fault = None
        keys = world.service.keys()  # type: ignore[attr-defined]
        world.elapse(3600)
        assert world.run(SETTLE) == "parked"
        assert len(keys) == 2
        assert world.service.keys() == keys  # type: ignore[attr-defined]


def test_the_current_key_can_change_the_keys_of_its_own_user(tmp_path: Path) -> None:
    with rotating(SelfService, tmp_path) as world:
        first = world.values()["current"]
        assert world.run() == "promoted"
        world.elapse(3600)
        world.run(SETTLE)
        assert not world.service.opens(first)
        assert world.service.opens(world.values()["current"])


def test_an_action_that_is_denied_is_named_before_anything_is_begun(world: Any) -> None:
    world.service.allow("iam:GetUser")
    with pytest.raises(errors.AccessDenied) as raised:
        world.run()
    assert "iam:ListAccessKeys" in str(raised.value)
    assert world.values().keys() == {"current"}


def test_an_action_that_is_denied_later_is_named_and_no_key_is_lost(world: Any) -> None:
    world.refuse_new()
    with pytest.raises(errors.RotationFailed) as raised:
        world.run()
    assert "IAM does not allow iam:CreateAccessKey" in str(raised.value)
    world.finish()


def test_a_user_that_is_not_there_and_a_key_of_another_user_are_refused(world: Any) -> None:
    options = world.service.options()
    world.service.options = lambda: {**options, "user": "nobody-" + secrets.token_hex(4)}
    with pytest.raises(errors.NotFound) as raised:
        world.run()
    assert "there is no IAM user" in str(raised.value)
    world.service.options = lambda: {**options, "user": world.service._admin}
    with pytest.raises(errors.RotationFailed) as refused:
        world.run()
    assert "is not one of the user" in str(refused.value)
    assert len(world.service.keys()) == 1


def test_ministack_makes_and_deletes_keys_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = once.ministack()
    aws_iam.root.cache_clear()
    with contextlib.ExitStack() as clean_up:
        clean_up.callback(aws_iam.root.cache_clear)
        monkeypatch.setattr(once, "moto_enforcing", lambda: server, raising=False)
        with rotating(UserOfIam, tmp_path) as world:
            assert world.run() == "promoted"
            world.elapse(3600)
            world.run(SETTLE)
            assert world.service.keys() == [world.values()["current"]["access_key_id"]]  # type: ignore[attr-defined]
