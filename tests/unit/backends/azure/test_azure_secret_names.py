# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of credentials as names of Key Vault (A6)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_names import (
    MAX_SECRET_NAME,
    check_prefix,
    document_name,
    escape,
    more_name,
    own_name,
    place_of,
    secret_name,
    unescape,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.names import MAX_NAME
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES

ALLOWED = re.compile(r"[0-9a-z-]{1,127}\Z")
"""Without capitals: Key Vault does not tell them from small letters."""
SEGMENT = st.from_regex(r"[A-Za-z0-9_-]{1,9}(?:\.[A-Za-z0-9_-]{1,4}){0,2}", fullmatch=True)
NAMES = st.lists(SEGMENT, min_size=1, max_size=8).map("/".join).filter(lambda name: len(name) <= MAX_NAME)
AWKWARD = st.text(alphabet="09a-_/.A", min_size=1, max_size=6).filter(lambda text: re.match(r"[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*\Z", text))
PREFIXES = st.sampled_from(["", "nebula-", "a-", "team-app-", "0-"])
KINDS = st.sampled_from([*STAGES, "v1", "v123456789", "deleted", "deleted-previous"])


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("db-pass", "db-pass"),
        ("app2", "app2"),
        ("db--pass", "db--0--0pass"),
        ("db_pass", "db--1pass"),
        ("db/pass", "db--2pass"),
        ("db.pass", "db--3pass"),
        ("DB/pass", "--d--b--2pass"),
        ("-a", "--0a"),
        ("a-", "a--0"),
        ("a-/b", "a--0--2b"),
        ("a-B", "a--0--b"),
    ],
)
def test_names_are_written_so(name, written):
    assert escape(name) == written
    assert unescape(written) == name


@given(st.one_of(NAMES, AWKWARD), st.one_of(NAMES, AWKWARD), PREFIXES, KINDS, KINDS)
def test_two_places_never_share_a_name(one, other, prefix, kind, another):
    """Whatever case Key Vault gives back."""
    places = ObjectKey(one, kind), ObjectKey(other, another)
    first, second = (secret_name(prefix, place) for place in places)
    assert (first == second) == (places[0] == places[1])
    assert ALLOWED.match(first)
    assert len(more_name(first)) <= MAX_SECRET_NAME


@given(st.one_of(NAMES, AWKWARD), PREFIXES, KINDS)
def test_a_name_leads_back_to_its_place(name, prefix, kind):
    place = ObjectKey(name, kind)
    assert place_of(prefix, secret_name(prefix, place), name) == place
    assert place_of(prefix, secret_name(prefix, place).upper(), name) == place


@given(st.one_of(NAMES, AWKWARD), PREFIXES, KINDS)
def test_what_is_ours_alone_is_no_place(name, prefix, kind):
    """The store's document, and the secret for metadata, have names that no credential can have."""
    secret = secret_name(prefix, ObjectKey(name, kind))
    assert secret not in (document_name(prefix), more_name(document_name(prefix)))
    assert place_of(prefix, more_name(secret), name) is None
    assert place_of(prefix, document_name(prefix)) is None


@given(st.text(alphabet="ab09-A", min_size=1, max_size=12), PREFIXES)
def test_a_secret_of_another_tool_is_found_by_its_own_name_or_not_listed(secret, prefix):
    place = place_of(prefix, prefix + secret, foreign=True)
    assert place is None or prefix + secret in (secret_name(prefix, place), own_name(prefix, place))


@pytest.mark.parametrize("prefix", ["A-", "a", "a_", "-", "a--", "x" * 30 + "-", "/"])
def test_a_prefix_that_no_name_can_begin_with_is_refused(prefix):
    with pytest.raises(InvalidConfiguration):
        check_prefix(prefix)
