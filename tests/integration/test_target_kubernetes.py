# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `kubernetes` on a real API server: what it requests, what it refuses at once, and tokens for other services."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from tests.targets.faults import FAULTS
from tests.targets.harness import Plain
from tests.targets.kubernetes import NAMESPACE, ServiceAccount
from tests.targets.rotated import SETTLE, Rotated
from tests.targets.rows import rotating

MAKE = 5
"""The number of the call that makes a token: precheck, two probes and the list come before it."""


class Unbound(ServiceAccount):
    """An account whose first token is bound to nothing."""

    leaves = True

    def fields(self) -> Plain:
        return {"api_key": self.server.service_account_token(NAMESPACE, self.account)}

    def options(self) -> Mapping[str, Any]:
        return {**super().options(), "leave_unbound": self.leaves}

    def opens(self, fields: Plain) -> bool:
        return self._is_accepted(str(fields["api_key"]))


class ForRegistry(ServiceAccount):
    """An account whose tokens are for another service than the API server."""

    audiences = ("registry.example.com",)

    def start(self) -> None:
        super().start()
        rbac, name = "/apis/rbac.authorization.k8s.io/v1/", {"metadata": {"name": self._admin}}
        rules = [{"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}]
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": self._admin}
        subject = {"kind": "ServiceAccount", "name": self._admin, "namespace": NAMESPACE}
        self.server.call("PUT", rbac + "clusterroles/" + self._admin, {**name, "rules": rules})
        self.server.call("PUT", rbac + "clusterrolebindings/" + self._admin, {**name, "roleRef": role, "subjects": [subject]})

    def _is_accepted(self, token: str) -> bool:
        spec = {"token": token, "audiences": list(self.audiences)}
        answer = self.server.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": spec})
        return answer["status"].get("authenticated") is True


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Rotated]:
    with rotating(ServiceAccount, tmp_path) as made:
        yield made


def test_a_token_whose_response_was_lost_is_found_by_its_mark_and_revoked(world: Any) -> None:
    world.fault, world.fault_at = FAULTS["answer_lost"], MAKE
    with pytest.raises(errors.RotationFailed):
        world.run()
    assert len(world.service.secrets()) == 1
    world.elapse(3600)
    world.run(SETTLE)
    assert world.service.secrets() == []


def test_a_rotation_leaves_one_secret_which_holds_nothing(world: Any) -> None:
    assert world.run() == "promoted"
    world.elapse(3600)
    world.run(SETTLE)
    (name,) = world.service.secrets()
    server = world.service.server
    assert "data" not in server.call("GET", server.secrets_path(NAMESPACE, name))


@pytest.mark.parametrize("verb", ["create", "list", "delete"])
def test_a_right_that_is_missing_is_named_before_anything_is_begun(world: Any, verb: str) -> None:
    world.service.allow(*({"create", "list", "delete"} - {verb}))
    with pytest.raises(errors.AccessDenied) as raised:
        world.run()
    assert "the administrator may not '{0}' secrets".format(verb) in str(raised.value)
    assert world.calls == ["precheck"]


def test_an_account_that_is_not_there_is_named(world: Any) -> None:
    options = world.service.options()
    world.service.options = lambda: {**options, "service_account": "nobody"}
    with pytest.raises(errors.NotFound) as raised:
        world.run()
    assert "there is no service account 'nobody'" in str(raised.value)


def test_a_first_token_that_cannot_be_revoked_has_to_be_left_in_so_many_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rotating(Unbound, tmp_path) as world:
        monkeypatch.setattr(Unbound, "leaves", False)
        with pytest.raises(errors.InvalidInput) as raised:
            world.run()
        assert raised.value.option == "kubernetes.leave_unbound"
        monkeypatch.setattr(Unbound, "leaves", True)
        first = world.values()["current"]
        assert world.run() == "promoted"
        world.elapse(3600)
        world.run(SETTLE)
        assert world.values().keys() == {"current"}
        assert world.service.opens(first)
        monkeypatch.setattr(Unbound, "leaves", False)
        world.elapse(3600)
        assert world.run() == "promoted"


def test_a_token_for_another_service_is_tried_by_a_review(tmp_path: Path) -> None:
    with rotating(ForRegistry, tmp_path) as world:
        first = world.values()["current"]
        assert world.run() == "promoted"
        world.elapse(3600)
        world.run(SETTLE)
        assert not world.service.opens(first)
        assert world.service.opens(world.values()["current"])
