# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential that exists stays as it is where the task says so, and the text that a missing terminal leaves is no value."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NotFound
from tests.unit.store.managing import CANARY, create, run

KEEP = [{"on_exists": "keep"}, {"overwrite": False}]
UPDATE = [{"on_exists": "update"}, {"overwrite": True}, {}]


@pytest.mark.parametrize("option", KEEP, ids=str)
@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
def test_one_that_exists_stays_as_it_is(manager, option, check):
    create(manager, tags={"a": "b"})
    result = run(manager, check, value="another", type="basic", tags={"c": "d"}, **option)
    assert (result["changed"], result["generated"]) == (False, False)
    assert manager.token("db").expose() == CANARY.encode()
    assert manager.describe("db")["tags"] == {"a": "b"}


@pytest.mark.parametrize("option", KEEP, ids=str)
def test_one_that_is_revoked_stays_revoked(manager, option):
    create(manager)
    manager.revoke("db")
    assert not run(manager, value="another", **option)["changed"]
    assert manager.describe("db")["state"] == "revoked"


@pytest.mark.parametrize("option", KEEP, ids=str)
def test_one_that_does_not_exist_is_created(manager, option):
    assert run(manager, value="first", **option)["changed"]
    assert manager.token("db").expose() == b"first"


@pytest.mark.parametrize("option", UPDATE, ids=str)
def test_otherwise_it_is_changed(manager, option):
    create(manager)
    assert run(manager, value="another", **option)["changed"]
    assert manager.token("db").expose() == b"another"


@pytest.mark.parametrize("given", [{"value": "None"}, {"type": "basic", "fields": {"password": "None"}}], ids=["value", "field"])
def test_the_text_of_a_prompt_without_a_terminal_is_refused(manager, given):
    with pytest.raises(InvalidInput, match="vars_prompt without a terminal"):
        run(manager, **given)
    with pytest.raises(NotFound):
        manager.inspect("db")


def test_the_word_can_be_stored_as_base64(manager):
    run(manager, value="Tm9uZQ==", encoding="base64")
    assert manager.token("db").expose() == b"None"


@pytest.mark.parametrize("option", [{"prompt": True}, {"value_from": {"file": "/x"}}], ids=str)
def test_the_library_does_not_ignore_what_only_the_controller_reads(manager, option):
    with pytest.raises(InvalidInput, match="the library reads no value by itself"):
        run(manager, **option)
