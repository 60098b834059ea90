# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No option of `credential` is ignored: one that a state does not use is refused by its name, also in a list."""

from __future__ import annotations

from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import CREDENTIAL
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.operations import state_options
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import ask

IN_EVERY_STATE = {"name", "names", "state", "scope", "store", "run_on", "progress", "credentials", "expected_version"}
DESCRIBING = {
    "value": "three",
    "fields": {"a": "b"},
    "tags": {"a": "b"},
    "metadata": {"a": 1},
    "ttl": "1h",
    "expires_at": "2030-01-01T00:00:00Z",
    "type": "opaque",
    "generate": {"length": 20},
    "policy": {"kind": "periodic", "every": "90d"},
    "description": "d",
    "declared_fields": [],
    "allow_empty": True,
    "check": True,
    "idempotency_key": "k",
}
UNUSED = [(state, option, value) for state in ("absent", "revoked", "restored") for option, value in DESCRIBING.items()] + [
    ("absent", "encoding", "base64"),
    ("absent", "return_value", True),
    ("revoked", "encoding", "base64"),
    ("revoked", "return_value", True),
    ("revoked", "version", "1"),
    ("present", "version", "1"),
    *((state, option, True) for state in ("present", "revoked", "restored") for option in ("force", "recoverable", "permanent")),
    *((state, "recoverable", False) for state in ("present", "revoked", "restored")),
]


@pytest.fixture
def manager():
    with closing(open_store({"backend": "memory", "audit": "off"}, name="prod")) as opened:
        for value in ("one", "two"):
            ask(opened, "credential", name="a", value=value)
        yield opened


def is_unchanged(manager):
    credential = manager.inspect("a")
    return (credential.version, credential.token().expose(), credential.state) == ("2", b"two", "active")


@pytest.mark.parametrize(("state", "option", "value"), UNUSED)
def test_an_option_that_a_state_does_not_use_is_refused_by_its_name(manager, state, option, value):
    with pytest.raises(InvalidInput, match=r"state '{0}' does not use it\. Leave out: {1} ".format(state, option)) as caught:
        ask(manager, "credential", name="a", state=state, **{option: value})
    assert (caught.value.option, caught.value.name) == (option, "a")
    assert is_unchanged(manager)


def test_every_option_is_of_named_states_or_of_all():
    assert set(CREDENTIAL.argument_spec) <= set(state_options._USED_IN) | IN_EVERY_STATE


def test_the_message_names_all_that_is_to_be_left_out(manager):
    with pytest.raises(InvalidInput) as caught:
        ask(manager, "credential", name="a", state="revoked", type="opaque", value="x", force=True, version="1")
    remedy = "Leave out: type, value (of 'state: present'); force (of 'state: absent'); version (of 'state: absent' and 'state: restored')."
    assert str(caught.value).endswith(remedy)


def test_an_element_of_a_list_is_judged_alike(manager):
    found = ask(manager, "credential", credentials=[{"name": "a", "state": "absent", "value": "x"}, {"name": "b", "value": "y"}]).result
    assert [(row["name"], row.get("code")) for row in found["results"]] == [("a", "invalid_input"), ("b", None)]
    assert found["results"][0]["msg"].startswith("option 'value', credential 'a', store 'prod': state 'absent' does not use it.")
    assert is_unchanged(manager)


def test_an_element_inherits_from_the_task_what_its_state_uses(manager):
    elements = [{"name": "a", "state": "absent"}, {"name": "b", "value": "eA=="}]
    found = ask(manager, "credential", credentials=elements, force=True, encoding="base64").result
    assert [row["changed"] for row in found["results"]] == [True, True]
    assert manager.token("b").expose() == b"x"


def test_an_option_of_the_task_that_no_element_uses_is_refused(manager):
    with pytest.raises(InvalidInput, match="no element of 'credentials' uses it; their states are: present") as caught:
        ask(manager, "credential", credentials=[{"name": "a", "value": "x"}], force=True)
    assert caught.value.option == "force"
    assert is_unchanged(manager)


def test_a_restored_value_can_be_returned_in_base64(manager):
    found = ask(manager, "credential", name="a", state="restored", version="1", return_value=True, encoding="base64").result
    assert found["value"] == "b25l"


@pytest.mark.parametrize("second", [{"value": "y"}, {"value": "x"}, {"state": "absent"}])
def test_a_list_with_a_name_twice_is_refused_before_anything_is_written(manager, second):
    with pytest.raises(InvalidInput, match=r"the same name is there more than once: 'a'\. Write one element for each") as caught:
        ask(manager, "credential", credentials=[{"name": "b", "value": "x"}, {"name": "a", "value": "x"}, {"name": "a", **second}])
    assert caught.value.option == "credentials"
    assert is_unchanged(manager)
    assert [credential.name for credential in manager.list()] == ["a"]
