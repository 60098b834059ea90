# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deleting one version, and choosing whether a delete can be undone."""

from __future__ import annotations

from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import ask, create, run


def test_one_older_version_is_removed_and_the_current_one_is_not(manager):
    for value in ("one", "two", "three"):
        run(manager, value=value)
    with pytest.raises(InvalidInput, match="version 3 is the current one") as caught:
        run(manager, state="absent", version="3")
    assert caught.value.option == "version"
    assert run(manager, check=True, state="absent", version="1")["changed"]
    removed = run(manager, state="absent", version="1")
    assert (removed["changed"], removed["recoverable"], removed["recoverable_until"]) == (True, False, None)
    assert not run(manager, state="absent", version="1", permanent=True)["changed"]
    assert [info.version for info in manager.versions("db")] == ["3", "2"]
    assert manager.token("db").expose() == b"three"


def test_an_element_that_decides_how_it_is_deleted_inherits_nothing_of_that(manager):
    """`recoverable` and `permanent` are one choice: the task's must not contradict the element's."""
    run(manager, value="one")
    elements = [{"name": "db", "permanent": True}, {"name": "other", "recoverable": False}]
    done = run(manager, name=None, state="absent", recoverable=True, credentials=elements)
    assert [(each["changed"], each["recoverable"]) for each in done["results"]] == [(True, False), (False, False)]


@pytest.mark.parametrize("encrypt", [False, True])
def test_a_delete_that_a_rotation_overtakes_leaves_the_value_that_may_be_at_the_service(tmp_path, monkeypatch, encrypt):
    """The task has read all of its credentials at once, long before it deletes this one."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    url = "sqlite:///{}".format(tmp_path / "credentials.db")
    config = {"backend": "database", "url": url, "encrypt": encrypt, "allow_plaintext": not encrypt, "audit": "off"}
    with closing(open_store(config)) as manager:
        for name in ("db", "other"):
            create(manager, name)
        with manager.reading_together(["db", "other"]):
            ask(manager, "credential_rotate", name="db", phase="prepare")
            with pytest.raises(Conflict, match="revision 0 was expected, and revision 1 is stored"):
                run(manager, state="absent")
        assert manager.inspect("db", stage="pending").usable
        assert ask(manager, "credential_rotate", name="db", phase="status").result["rotation"]["phase"] == "prepared"


def test_a_delete_removes_what_an_earlier_rotation_has_left(manager):
    run(manager, value="one")
    ask(manager, "credential_rotate", name="db", phase="prepare")
    ask(manager, "credential_rotate", name="db", phase="rollback")
    assert manager.inspect("db", stage="pending")
    assert run(manager, state="absent")["changed"]
    for stage in STAGES:
        with pytest.raises(NotFound):
            manager.inspect("db", stage=stage)
