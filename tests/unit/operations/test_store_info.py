# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told about a store (B6): its health, also where there is none, and its numbers."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends import registry
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import (
    DEGRADED,
    HEALTHY,
    UNHEALTHY,
    Capabilities,
    Health,
    unhealthy,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InsecurePermissions,
    InvalidConfiguration,
    LoginFailed,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import BackendCall
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import CLOSED, HALF_OPEN, OPEN
from ansible_collections.nebula.credential.plugins.module_utils.metrics.recorder import Recorder
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import WINDOW
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import answer_unopened, perform
from ansible_collections.nebula.credential.plugins.module_utils.store.health import FEWEST_RETRIES, judge
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import CANARY, ask, create

NOW = 1_800_000_000.0
SECRET_NAME = "quite/a-telling_name"
DOWN = Unavailable("nothing answers at 10.0.0.1", remedy="Start the server.")


class Down(Memory):
    """A backend on a server that is down: every request fails, and opening it makes none."""

    capabilities = replace(Memory.capabilities, remote=True, persistent=True)
    error: Exception = DOWN

    def read_store_document(self):
        raise self.error

    def health(self):
        raise self.error


class Telling(Down):
    """One that tells its health, as the contract says."""

    def health(self):
        return unhealthy(DOWN)


class Refusing(Down):
    error = LoginFailed("the token is not accepted", remedy="Give the store another token.")


class Broken(Down):
    error = ValueError(CANARY)


@pytest.fixture
def known(monkeypatch):
    """Make a backend known by the name `down`."""
    return lambda kind: monkeypatch.setitem(registry.BACKENDS, "down", lambda: (BackendTraits(spec=kind.options), lambda: kind))


def opened(tmp_path, **options):
    return open_store({"backend": "local", "path": str(tmp_path / "store"), **options}, name="prod")


def info(manager, **parameters):
    return ask(manager, "store_info", **parameters).result


def test_a_store_that_can_be_used_is_healthy(tmp_path):
    told = info(opened(tmp_path))
    assert (told["health"]["status"], told["health"]["reasons"], told["health"]["code"]) == (HEALTHY, [], None)
    assert (told["changed"], told["store"], told["backend"]) == (False, "prod", "local")


def test_every_capability_is_told(tmp_path):
    told = info(opened(tmp_path))["capabilities"]
    assert set(told) == {each.name for each in fields(Capabilities)}
    assert (told["versions"], told["remote"], told["max_bytes"]) == (True, False, 64 * 1024 * 1024)


@pytest.mark.parametrize("encrypt", [False, True], ids=["plain", "encrypted"])
@pytest.mark.parametrize("audit", ["off", "batched", "strict"])
@pytest.mark.parametrize(
    ("kind", "code", "says"),
    [
        (Down, "unavailable", "Start the server."),
        (Telling, "unavailable", "Start the server."),
        (Refusing, "login_failed", "Give the store another token."),
        (Broken, "internal", "ValueError"),
    ],
)
def test_a_backend_that_is_down_is_an_answer_with_its_reason(kind, code, says, audit, encrypt, known, tmp_path):
    known(kind)
    options = {"backend": "down", "encrypt": encrypt, "allow_plaintext": True, "audit": audit}
    manager = open_store(dict(options, audit_path=str(tmp_path / "audit.jsonl")), name="prod")
    told = info(manager)
    assert (told["health"]["status"], told["health"]["code"]) == (UNHEALTHY, code)
    assert says in told["health"]["reasons"][0]
    assert CANARY not in str(told)
    assert told["health"]["checked_in_ms"] >= 0


@pytest.mark.parametrize("audit", ["batched", "strict"])
def test_the_audit_trail_asks_a_backend_that_is_down_for_nothing_more(audit, known, tmp_path):
    """A read has failed after every repeat it was allowed. That there is an entry to write is no reason to wait as long again."""
    asked = []

    class Counting(Down):
        def read_store_document(self):
            asked.append(1)
            raise DOWN

    known(Counting)
    options = {"backend": "down", "max_retries": 0, "key_sources": [{"source": "key_file"}], "encrypt": True, "audit": audit}
    manager = open_store(dict(options, audit_path=str(tmp_path / "audit.jsonl")), name="prod")
    with pytest.raises(Unavailable):
        ask(manager, "get", name="db")
    assert len(asked) == 1


def test_credential_info_tells_the_same_health(known):
    known(Refusing)
    manager = open_store({"backend": "down", "audit": "off"}, name="prod")
    told = [ask(manager, "credential_info", names=[], health=True).result["health"], info(manager)["health"]]
    for health in told:
        health.pop("checked_in_ms")
    assert told[0] == told[1]


def test_check_mode_answers_the_same(tmp_path):
    manager = opened(tmp_path)
    told = [perform(manager, "store_info", {}, NOBODY, check_mode=check).result for check in (False, True)]
    for result in told:
        result.pop("metrics")
        result["health"].pop("checked_in_ms")
    assert told[0] == told[1]


def test_a_store_that_cannot_be_opened_is_unhealthy(tmp_path):
    (tmp_path / "store").mkdir(mode=0o755)
    config = {"backend": "local", "path": str(tmp_path / "store")}
    with pytest.raises(InsecurePermissions) as caught:
        open_store(config, name="prod")
    told = answer_unopened("store_info", config, "prod", caught.value).result
    assert (told["health"]["status"], told["health"]["code"], told["backend"]) == (UNHEALTHY, "insecure_permissions", "local")
    assert "chmod 700" in told["health"]["reasons"][0]


@pytest.mark.parametrize(
    ("operation", "error"), [("store_info", InvalidConfiguration("no such option")), ("get", StorageError("it is a directory"))]
)
def test_a_store_that_cannot_be_opened_fails_other_operations_and_a_mistake_fails_all(operation, error):
    with pytest.raises(type(error)):
        answer_unopened(operation, {"backend": "local"}, "prod", error)


def test_numbers_are_told_unless_refused_and_for_prometheus_when_asked_for(tmp_path):
    manager = opened(tmp_path)
    create(manager)
    told = info(manager, metrics=True, prometheus=True)
    assert told["metrics"]["operations"]["put"] == {"ok": 1}
    assert told["metrics"]["path"] is None
    assert 'nebula_credential_operations_total{backend="local",operation="put",result="ok",store="prod"} 1.0' in told["prometheus"]
    assert {"metrics", "prometheus"} & set(info(manager, metrics=False)) == set()


def test_the_numbers_of_processes_before_are_told_where_they_are_kept(tmp_path):
    path = str(tmp_path / "numbers.json")
    for _process in range(2):
        manager = opened(tmp_path, metrics_path=path)
        create(manager, "n{0}".format(_process))
        manager.close()
    told = info(opened(tmp_path, metrics_path=path))["metrics"]
    assert (told["operations"]["put"], told["path"]) == ({"ok": 2}, path)


def test_no_name_and_no_value_is_told(tmp_path):
    manager = opened(tmp_path)
    create(manager, SECRET_NAME)
    manager.get(SECRET_NAME)
    told = str(info(manager, metrics=True, prometheus=True))
    assert SECRET_NAME not in told
    assert CANARY not in told


def counted(operations=0, retries=0, states=()):
    recorder = Recorder(clock=lambda: NOW)
    for _each in range(operations):
        recorder.on_operation("get", "ok", 0.001)
    for _each in range(retries):
        recorder.on_retry(BackendCall("get"), DOWN, 0.1)
    for state in states:
        recorder.breaker_changed(state)
    return recorder.copy_totals()


@pytest.mark.parametrize(
    ("states", "later", "status"),
    [
        ((), 0, HEALTHY),
        ((OPEN,), 10, DEGRADED),
        ((OPEN, HALF_OPEN), 10, DEGRADED),
        ((OPEN, HALF_OPEN, CLOSED), 10, DEGRADED),
        ((OPEN, HALF_OPEN, CLOSED), WINDOW + 1, HEALTHY),
    ],
)
def test_a_breaker_that_opened_of_late_means_degraded(states, later, status):
    assert judge(Health(), counted(states=states), NOW + later).status == status


@pytest.mark.parametrize(
    ("operations", "retries", "status"),
    [(10, FEWEST_RETRIES - 1, HEALTHY), (10, FEWEST_RETRIES, DEGRADED), (1000, 50, HEALTHY), (1000, 150, DEGRADED)],
)
def test_many_repeats_of_late_mean_degraded(operations, retries, status):
    assert judge(Health(), counted(operations, retries), NOW).status == status
    assert judge(Health(), counted(operations, retries), NOW + 3 * WINDOW).status == HEALTHY


def test_what_the_backend_says_is_kept_beside_what_the_numbers_say():
    told = judge(Health(DEGRADED, ("little room is left",)), counted(states=(OPEN,)), NOW)
    assert (told.status, told.reasons[0], len(told.reasons)) == (DEGRADED, "little room is left", 2)


def test_numbers_never_make_a_dead_backend_look_better():
    assert judge(unhealthy(DOWN), counted(states=(OPEN,)), NOW) == unhealthy(DOWN)


def test_the_key_of_a_new_store_is_not_asked_for(tmp_path):
    assert info(opened(tmp_path))["health"]["status"] == HEALTHY
    assert list((tmp_path / "store").iterdir()) == []
