# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store cannot hold is found before the first version is written; how far a migration is, and what is in flight."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import List

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Limited, Located
from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism
from ansible_collections.nebula.credential.plugins.module_utils.context.progress import Progress, reporting_to
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import wrap_in_encryption
from ansible_collections.nebula.credential.plugins.module_utils.layers.limits import Limits
from ansible_collections.nebula.credential.plugins.module_utils.layers.write_lock import WriteLock
from ansible_collections.nebula.credential.plugins.module_utils.migration import migration
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store


class Small(Layer, Limited, Located):
    """A backend that holds 1,000 bytes and one tag, and no name with a slash."""

    container = "a box"

    @property
    def capabilities(self):
        return replace(self.inner.capabilities, max_bytes=1000, max_tags=1)

    def measure_value(self, record):
        if record.envelope is not None:
            return len(record.envelope)
        return sum(len(value.expose()) for value in record.fields.values())

    def location(self):
        return "box"

    def locate(self, name):
        if "/" in name:
            raise InvalidInput("a box has no slash in its name", option="name", remedy="Use another name.")
        return {"box": name}


def innermost(backend):
    while backend.inner is not None:
        backend = backend.inner
    return backend


@pytest.fixture
def source(tmp_path):
    with closing(open_store({"backend": "local", "path": str(tmp_path / "source"), "audit": "off"}, name="source")) as manager:
        yield manager


@pytest.fixture(params=["plain", "encrypted"])
def small(request):
    with closing(open_store({"backend": "memory", "audit": "off", "encrypt": False, "allow_plaintext": True})) as opened:
        limited = Limits(Small(innermost(opened.backend)))
        yield CredentialManager(wrap_in_encryption(limited, {}) if request.param == "encrypted" else limited, store="small")


def migrate(source, destination, check_mode=False):
    return perform(source, "migrate", {"all": True}, NOBODY, check_mode, beside={"to": destination}).result


def test_a_version_that_is_too_large_is_said_by_the_plan_and_none_is_written(source, small):
    """Also of an encrypted store, whose envelope is measured without a key of the store."""
    for value in ("fits", "x" * 2000, "fits again"):
        source.ensure(DesiredCredential("db", value=Secret(value)))
    for check_mode in (True, False):
        result = migrate(source, small, check_mode)
        assert (result["code"], "a box holds 1000 at most" in result["msg"]) == ("too_large", True)
    assert list(small.list()) == []
    with small.acting():
        assert small.backend.read_store_document() is None


def test_too_many_tags_are_said_by_the_plan(source, small):
    """An envelope has them inside."""
    source.create(DesiredCredential("db", value=Secret("x"), tags={"one": "", "two": ""}))
    is_plain = isinstance(small.backend, Limits)
    result = migrate(source, small, check_mode=True)
    assert (result.get("code"), result["counts"]["created"]) == (("too_large", 0) if is_plain else (None, 1))


def test_a_name_that_a_store_cannot_hold_is_said_by_the_plan(source, small):
    source.create(DesiredCredential("a/b", value=Secret("x")))
    result = migrate(source, small, check_mode=True)
    assert (result["code"], "no slash" in result["msg"]) == ("invalid_input", True)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_collision_names_the_store_that_has_the_other_credential(source, small, check_mode):
    """Who follows the remedy in the source would delete the credential that is to be moved."""
    for store in (source, small):
        store.create(DesiredCredential("db", value=Secret(store.store)))
    result = migrate(source, small, check_mode)
    assert (result["code"], "credential 'db', store 'small'" in result["msg"]) == ("duplicate", True)


def locked(store):
    """The same store, which cannot compare and swap and has no lock: it takes no write."""
    return CredentialManager(WriteLock(store.backend, None), store="locked")


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_destination_that_takes_no_write_is_said_by_the_plan_as_by_the_run(source, small, check_mode):
    source.create(DesiredCredential("db", value=Secret("x")))
    result = migrate(source, locked(small), check_mode)
    assert (result["code"], "Configure 'lock'" in result["msg"], result["changed"]) == ("invalid_configuration", True, False)


def test_what_is_there_already_needs_no_write(source, small):
    source.create(DesiredCredential("db", value=Secret("x")))
    migrate(source, small)
    result = migrate(source, locked(small), check_mode=True)
    assert (result["failed"], result["counts"]["unchanged"]) == (False, 1)


def test_a_source_that_takes_no_write_is_said_by_the_plan_of_a_move(source, small):
    source.create(DesiredCredential("db", value=Secret("x")))
    parameters = {"all": True, "after": "delete"}
    result = perform(locked(source), "migrate", parameters, NOBODY, True, beside={"to": small}).result
    assert (result.get("code"), result["counts"]["deleted"]) == ("invalid_configuration", 0)


@pytest.mark.parametrize("state", ["present", "absent", "revoked"])
def test_a_task_in_check_mode_says_that_a_store_takes_no_write(source, state):
    source.create(DesiredCredential("db", value=Secret("x")))
    wanted = {"name": "db", "state": state, **({"tags": {"a": "b"}} if state == "present" else {})}
    with pytest.raises(InvalidConfiguration, match="Configure 'lock'"):
        perform(locked(source), "credential", wanted, NOBODY, True)
    assert perform(locked(source), "credential", {"name": "db"}, NOBODY, True).result["changed"] is False


def test_a_selection_without_credentials_warns(source, small):
    """A mistyped prefix would look like a finished migration."""
    warnings: List[str] = []
    source.backend.context = replace(source.backend.context, warn=warnings.append)
    perform(source, "migrate", {"prefix": "nothing/"}, NOBODY, False, beside={"to": small})
    assert [("no credential is selected" in text, "'prefix'" in text) for text in warnings] == [(True, True)]


def test_each_credential_counts_as_progress(source, small):
    for number in range(5):
        source.create(DesiredCredential("n{0}".format(number), value=Secret("x")))
    progress = Progress()
    with reporting_to(progress):
        migrate(source, small)
    assert progress.describe() == {"done": 5, "total": 5}


def test_two_stores_are_taken_in_the_same_order_there_and_back():
    """Else two migrations could wait for each other for ever."""
    few, many = Parallelism(2), Parallelism(8)
    for pair in ((few, many), (many, few)):
        threads, second = migration._join(*pair)
        assert threads is many
        with second():
            assert (few._in_flight, many._in_flight) == (1, 0)


@pytest.mark.parametrize("pair", [(None, None), (None, Parallelism(4)), (Parallelism(4), None)])
def test_a_store_without_a_number_takes_part_in_none(pair):
    threads, second = migration._join(*pair)
    assert threads is (pair[0] or pair[1])
    with second():
        pass
