# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation target that a credential is assigned to: metadata names it, and says more only where a key authenticates it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.assignment import Assignment, check_assignment, read_assignment


@pytest.mark.parametrize("is_authenticated", [True, False])
def test_a_name_is_taken_from_any_metadata(is_authenticated: bool) -> None:
    attributes = {"rotates": {"target": "shop-db"}}
    assert read_assignment(attributes, is_authenticated=is_authenticated) == Assignment("shop-db")


def test_options_are_taken_from_metadata_that_a_key_authenticates() -> None:
    written = {"target": "shop-db", "options": {"usernames": ["a", "b"]}}
    assert read_assignment({"rotates": written}, is_authenticated=True) == Assignment("shop-db", {"usernames": ["a", "b"]})


def test_options_in_other_metadata_are_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"rotation\.options.*no key authenticates"):
        read_assignment({"rotates": {"target": "shop-db", "options": {"host": "evil"}}}, is_authenticated=False)


@pytest.mark.parametrize("is_authenticated", [True, False])
@pytest.mark.parametrize("part", ["kind", "host", "hosts", "apply", "consumers"])
def test_any_other_part_is_refused_by_name(is_authenticated: bool, part: str) -> None:
    with pytest.raises(InvalidInput, match="there is no part '{0}'".format(part)):
        read_assignment({"rotates": {"target": "shop-db", part: "x"}}, is_authenticated=is_authenticated)


@pytest.mark.parametrize("target", [None, "", 7, ["a"], {"kind": "command"}, "a b", "-x", "../x", "x" * 65, "a\n"])
def test_what_is_no_name_is_refused(target: Any) -> None:
    with pytest.raises(InvalidInput, match=r"rotation\.target|rotation"):
        check_assignment({"target": target, "options": {}}, is_authenticated=True)


def test_a_mistyped_part_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidInput, match="Did you mean 'target'"):
        check_assignment({"targets": "shop-db"}, is_authenticated=True)


@pytest.mark.parametrize("written", [{}, {"target": None}, {"target": None, "options": None}])
def test_nothing_assigns_no_target(written: Any) -> None:
    assert check_assignment(written, is_authenticated=False) == {}
    assert read_assignment({"rotates": written} if written else {}, is_authenticated=False) is None


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not a mapping"):
        read_assignment({"rotates": "shop-db"}, is_authenticated=True)
