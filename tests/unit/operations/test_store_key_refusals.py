# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operation `store_key` refuses, and the stores that have no key or one that does not last."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput, MissingKey
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.crypto.sealed_stores import document_path
from tests.unit.operations.store_keys import checked, present, reopening, rotated
from tests.unit.store.managing import create


@pytest.fixture
def opened(tmp_path):
    """Opens the test's one store, as another process would."""
    with reopening(tmp_path) as open_again:
        yield open_again


WRONG = {
    "a source that is none": (
        {"state": "rotated", "drop_sources": ["pasphrase"]},
        "'drop_sources', store 'prod': it names something that is no",
    ),
    "a source that is used": (
        {"state": "rotated", "drop_sources": ["key_file"]},
        "'drop_sources', store 'prod': 'key_file' is also configured",
    ),
    "no time": ({"state": "rotated", "keep_until": "soon"}, "'keep_until', store 'prod': 'soon' is not a time"),
    "a time that is over": ({"state": "rotated", "keep_until": "2020-01-01T00:00:00Z"}, "'keep_until', store 'prod': that time has passed"),
    "kept and compromised": (
        {"state": "rotated", "keep_until": "2099-01-01T00:00:00Z", "compromised": True},
        "'keep_until', store 'prod': a compromised key is not kept",
    ),
    "compromised without a rotation": ({"state": "present", "compromised": True}, "'compromised', store 'prod': .*'state: rotated'"),
    "drop_sources without a rotation": ({"state": "present", "drop_sources": ["passphrase"]}, "'drop_sources', store 'prod': it applies"),
}


@pytest.mark.parametrize("check", [False, True], ids=["for good", "in check mode"])
@pytest.mark.parametrize(("parameters", "says"), WRONG.values(), ids=WRONG)
def test_options_that_do_not_fit_are_refused(opened, parameters, says, check):
    create(opened())
    with pytest.raises(InvalidInput, match=says):
        perform(opened(), "store_key", parameters, NOBODY, check)


@pytest.mark.parametrize("check", [False, True], ids=["for good", "in check mode"])
@pytest.mark.parametrize("state", ["present", "rotated"])
@pytest.mark.parametrize(
    "configuration",
    [
        {"format": "json", "allow_plaintext": True},
        {"encrypt": False, "allow_plaintext": True},
        {"backend": "memory", "encrypt": False, "allow_plaintext": True, "path": None},
    ],
    ids=["a plain format", "no encryption", "plain memory"],
)
def test_a_store_that_is_not_encrypted_has_no_key(opened, configuration, state, check, tmp_path):
    configuration = {option: value for option, value in configuration.items() if value is not None}
    manager = opened(**configuration) if "backend" not in configuration else open_store(configuration, name="prod")
    with pytest.raises(
        InvalidInput, match=r"option 'store', store 'prod': it is not encrypted by this collection, so it has no key\. Name"
    ):
        perform(manager, "store_key", {"state": state}, NOBODY, check)


def test_a_store_in_memory_has_a_key_that_ends_with_it():
    manager = open_store({"backend": "memory", "audit": "off"}, name="passing")
    told = present(manager)
    assert (told["changed"], told["key"]["sources"], told["key"]["default_key_file"]) == (False, [], None)
    assert checked(manager)["key"] == told["key"]
    for refused in (rotated, lambda store: checked(store, state="rotated")):
        with pytest.raises(InvalidInput, match="store 'passing': the store ends with its process"):
            refused(manager)


def test_a_store_in_memory_that_persists_is_rotated(tmp_path):
    configuration = {"backend": "memory", "persist_on_shutdown": True, "persist_path": str(tmp_path / "kept"), "audit": "off"}
    manager = open_store(configuration)
    create(manager)
    assert rotated(manager)["rotation"]["envelopes"] == 1
    manager.close()
    assert open_store(configuration).get("db").name == "db"


def test_a_store_without_its_key_gets_no_new_one(opened, tmp_path):
    with pytest.raises(MissingKey, match="no key yet"):
        rotated(opened())
    with pytest.raises(MissingKey, match="no key source is configured"):
        present(opened(key_sources=[]))
    create(opened())
    document_path(tmp_path).rename(tmp_path / "aside")
    for ask_for_it in (present, checked):
        with pytest.raises(MissingKey, match="its document is gone"):
            ask_for_it(opened())


def test_no_source_is_left_by_mistake(opened):
    label = present(opened())["key"]["sources"][0]["label"]
    with pytest.raises(InvalidConfiguration, match="no key source would be left"):
        present(opened(drop_sources=["key_file:" + label]))
