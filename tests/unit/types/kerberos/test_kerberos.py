# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of Kerberos principals: which fields belong together, keytabs, and what a cache or a configuration may not say."""

from __future__ import annotations

import base64
import struct

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import CacheMiss, cache_only
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos import keytab, tickets
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.kerberos_type import Kerberos
from tests.unit.types.kerberos.keytabs import write_entry, write_keys

PRINCIPAL = "HTTP/web.example.com@EXAMPLE.COM"


KEYS = write_keys(write_entry(PRINCIPAL, 2), write_entry("other@EXAMPLE.COM", 9), write_entry(PRINCIPAL, 3))


def validate(**fields):
    given = {"principal": PRINCIPAL, **fields}
    return Kerberos().validate({name: Secret(value) for name, value in given.items() if value is not None})


def test_a_keytab_has_several_versions_of_a_key():
    fields = validate(keytab=KEYS)
    assert Kerberos().read(fields, {}, "key_versions") == Secret("3,2")
    assert not Kerberos().is_secret("key_versions")
    assert Kerberos().primary_of(fields) == "keytab"


def test_entries_are_read_as_they_are_written_back():
    entries = keytab.read_keytab(KEYS)
    assert [entry[:3] for entry in entries] == [(PRINCIPAL, 2, 18), ("other@EXAMPLE.COM", 9, 18), (PRINCIPAL, 3, 18)]
    assert keytab.write_keytab(entries) == KEYS


def test_a_deleted_entry_and_the_zeros_at_the_end_are_passed_over():
    hole = struct.pack(">i", -8) + b"\0" * 8
    assert keytab.list_versions(keytab.read_keytab(keytab.HEADER + hole + KEYS[2:] + b"\0" * 16), PRINCIPAL) == (3, 2)


def test_a_version_above_255_is_read_from_its_four_bytes():
    assert keytab.list_versions(keytab.read_keytab(write_keys(write_entry(PRINCIPAL, 300, large=300))), PRINCIPAL) == (300,)
    assert keytab.list_versions(keytab.read_keytab(write_keys(write_entry(PRINCIPAL, 7, large=0))), PRINCIPAL) == (7,)


@pytest.mark.parametrize("encoded", [base64.b64encode(KEYS), base64.encodebytes(KEYS)])
def test_a_keytab_is_taken_as_base64_too(encoded):
    assert validate(keytab=encoded)["keytab"] == Secret(KEYS)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "password"),
        ({"password": "c4n4ry", "keytab": KEYS}, "password"),
        ({"password": ""}, "password"),
        ({"password": "c4n4ry", "principal": "web"}, "principal"),
        ({"password": "c4n4ry", "principal": "web@EXAMPLE.COM\n[realms]"}, "principal"),
        ({"keytab": b"c4n4ry"}, "keytab"),
        ({"keytab": KEYS[:-3]}, "keytab"),
        ({"keytab": keytab.HEADER}, "keytab"),
        ({"keytab": KEYS, "principal": "nobody@EXAMPLE.COM"}, "keytab"),
        ({"keytab": b"\5\1" + KEYS[2:]}, "keytab"),
        ({"password": "c4n4ry", "service": "web"}, "service"),
        ({"password": "c4n4ry", "kdc": "a, b c"}, "kdc"),
        ({"password": "c4n4ry", "kdc": "a\n  kdc = b"}, "kdc"),
        ({"password": "c4n4ry", "lifetime": "1m"}, "lifetime"),
        ({"password": "c4n4ry", "renewable_for": "400d"}, "renewable_for"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field_and_not_shown(fields, field):
    with pytest.raises(InvalidInput, match="field '{0}' of type 'kerberos'".format(field)) as caught:
        validate(**fields)
    assert "c4n4ry" not in str(caught.value)


def test_a_keytab_is_not_generated_and_a_password_is():
    with pytest.raises(InvalidInput, match="'keytab' of type 'kerberos' cannot be generated"):
        Kerberos().generate({}, {"keytab": Secret(KEYS)})
    assert len(Kerberos().generate({}, {})["password"].expose()) == 32


def test_a_header_is_never_made_where_nothing_may_wait():
    """In the event loop of a session, where it would hold up everyone."""
    kind, state = Kerberos(), {"ticket_cache": tickets.encode_cache(Secret(b"cache"))}
    fields = validate(password="c4n4ry", service="HTTP@web.example.com")
    assert kind.read(fields, state, "ticket_cache") == Secret(b"cache")
    with cache_only(), pytest.raises(CacheMiss):
        kind.read(fields, state, "header")
    with pytest.raises(NoToken, match="without a service"):
        kind.read(validate(password="c4n4ry"), state, "header")
    with pytest.raises(NoToken, match="no ticket yet"):
        kind.read(fields, {}, "header")


def test_the_configuration_has_the_kdcs_that_are_named_and_asks_no_name_server():
    written = tickets.write_configuration(tickets.Realm("EXAMPLE.COM", ("kdc1:88", "kdc2"), {"ticket_lifetime": "3600s"}))
    assert [line.strip() for line in written.splitlines() if "kdc" in line] == ["dns_lookup_kdc = false", "kdc = kdc1:88", "kdc = kdc2"]
    assert "dns_canonicalize_hostname = false" in written
    assert "ticket_lifetime = 3600s" in written
