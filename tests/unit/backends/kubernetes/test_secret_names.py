# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of credentials as names of Secrets (A7)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.secret_names import (
    MAX_SECRET_NAME,
    check_prefix,
    document_name,
    escape,
    place_of,
    secret_name,
    unescape,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.names import MAX_NAME
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
SEGMENT = st.from_regex(r"[A-Za-z0-9_-]{1,9}(?:\.[A-Za-z0-9_-]{1,4}){0,2}", fullmatch=True)
NAMES = st.lists(SEGMENT, min_size=1, max_size=8).map("/".join).filter(lambda name: len(name) <= MAX_NAME)
AWKWARD = st.text(alphabet="0a-_/.A", min_size=1, max_size=6).filter(lambda text: re.match(r"[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*\Z", text))
PREFIXES = st.sampled_from(["", "nebula-", "a", "team.app-", "x.y.", "0", "n" * 100])
KINDS = st.sampled_from([*STAGES, "v1", "v123456789", "deleted", "deleted-previous"])
each = pytest.mark.parametrize


@each(
    ("name", "written"),
    [
        ("db-pass", "db-pass"),
        ("db--pass", "db--pass"),
        ("app2", "app2"),
        ("db_pass", "db.1pass"),
        ("db/pass", "db.2pass"),
        ("db.pass", "db.3pass"),
        ("DB/pass", "0.d.b.2pass"),
        ("-a", "0.0a"),
        ("a-", "a.0"),
        ("a-/b", "a.0.2b"),
        ("a/-b", "a.2-b"),
        ("a-B", "a.0.b"),
        ("--", "0.0.0"),
        ("0", "0"),
        ("0_a", "0.4.1a"),
        ("00_a", "00.1a"),
        ("_a", "0.1a"),
    ],
)
def test_names_are_written_so(name, written):
    assert escape(name) == written
    assert unescape(written) == name


@given(prefix=PREFIXES, place=st.builds(ObjectKey, NAMES | AWKWARD, KINDS))
def test_every_place_has_a_valid_name_and_comes_back(prefix, place):
    """Whatever the prefix, and however long the name."""
    written = secret_name(prefix, place)
    assert SUBDOMAIN.match(written)
    assert len(written) <= MAX_SECRET_NAME
    assert place_of(prefix, written, place.name) == place


@given(prefix=PREFIXES, places=st.lists(st.builds(ObjectKey, NAMES | AWKWARD, KINDS), min_size=2, max_size=30, unique=True))
def test_no_two_places_share_a_name(prefix, places):
    written = {secret_name(prefix, place) for place in places}
    assert len(written) == len(places)
    assert document_name(prefix) not in written


@given(text=st.text(alphabet="ab0.-1234589", max_size=12))
def test_what_nobody_wrote_is_no_place(text):
    """A Secret is listed under a name only if that name leads back to it."""
    place = place_of("nebula-", "nebula-" + text)
    assert place is None or secret_name("nebula-", place) == "nebula-" + text


@each("secret", ["other-a", "nebula-", "nebula-a.5b", "nebula-0.9store", "nebula-a.9", "nebula-.1a", "nebula-" + "0" * 64 + ".8"])
def test_foreign_names_belong_to_no_credential(secret):
    assert place_of("nebula-", secret) is None or place_of("nebula-", secret).kind not in STAGES


def test_a_name_that_is_too_long_becomes_a_digest():
    """The annotation says which name it is; one that says another is not believed."""
    name = "X" * MAX_NAME
    written = secret_name("n" * 100, ObjectKey(name))
    assert written.endswith(".8")
    assert place_of("n" * 100, written, name) == ObjectKey(name)
    assert place_of("n" * 100, written, "Y" * MAX_NAME) is None
    assert place_of("n" * 100, written) is None


@each("prefix", ["A", "-a", ".a", "a..b", "a-.b", "ü", "a_", "a\n", "n" * 101])
def test_a_prefix_that_begins_no_secret_is_refused(prefix):
    with pytest.raises(InvalidConfiguration) as caught:
        check_prefix(prefix)
    assert caught.value.option == "prefix"


@each("prefix", ["", "nebula-", "a", "a.", "a.b-", "0"])
def test_a_prefix_may_end_in_a_mark(prefix):
    assert check_prefix(prefix) == prefix
