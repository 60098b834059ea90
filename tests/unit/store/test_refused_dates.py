# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dates and policies that cannot be meant are refused; a play that names a date goes through again after it."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from tests.unit.store.managing import run


@pytest.mark.parametrize(
    ("wanted", "option", "words"),
    [
        ({"ttl": "0"}, "ttl", "0 seconds"),
        ({"ttl": "0d"}, "ttl", "0 seconds"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "the time has passed"),
        ({"policy": {"kind": "before_expiry", "before": "7d"}}, "policy.kind", "it would never be due"),
        ({"policy": {"kind": "periodic", "every": "7d", "warning": "30d"}}, "policy.warning", "longer than the period"),
    ],
)
def test_a_date_that_makes_no_sense_for_a_new_credential_is_refused(manager, wanted, option, words):
    for check in (True, False):
        with pytest.raises(InvalidInput, match=words) as caught:
            run(manager, check, value="one", **wanted)
        assert (caught.value.option, caught.value.name) == (option, "db")
    assert not list(manager.list())


def test_a_policy_that_counts_from_the_expiry_needs_one_in_each_write(manager):
    policy = {"kind": "before_expiry", "before": "7d"}
    run(manager, value="one")
    for wanted in ({}, {"value": "two"}, {"ttl": "30d"}):
        with pytest.raises(InvalidInput, match="Give 'expires_at', or 'ttl' if this task writes a value"):
            run(manager, policy=policy, **wanted)
    assert (manager.describe("db")["version"], manager.describe("db")["policy"]) == ("1", {})
    assert run(manager, policy=policy, value="two", ttl="30d")["changed"]
    assert not run(manager, policy=policy, value="two", ttl="30d")["changed"]
    assert not run(manager, policy=policy)["changed"]


def test_a_stored_credential_can_be_given_an_expiry_that_has_passed(manager):
    """A play that names a date goes through again after that date."""
    run(manager, value="one")
    assert run(manager, expires_at="2020-01-01T00:00:00Z")["changed"]
    assert not run(manager, expires_at="2020-01-01T00:00:00Z")["changed"]
