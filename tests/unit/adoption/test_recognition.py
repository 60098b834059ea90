# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type of a value, and the reason: taken only if the type returns the value byte for byte."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.adoption.recognition import recognize

KEY = Ed25519PrivateKey.generate()
OPENSSH = KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
PKCS8 = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make_jwt(**claims):
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return b".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts), b"c2lnbmF0dXJl"])


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        (b"postgresql://app:s3cret@db.example.com:5432/shop", "database", "a connection string"),
        (b"redis://:s3cret@cache:6379/0", "database", "a connection string"),
        (b"https://user:s3cret@example.com/", "opaque", "a URL"),
        (b"postgresql://db.example.com/shop", "opaque", "would not return it"),
        (OPENSSH, "ssh_key", "OpenSSH"),
        (OPENSSH.rstrip(), "opaque", "would not return it"),
        (OPENSSH.replace(b"\n", b"\r\n"), "opaque", "would not return it"),
        (PKCS8, "opaque", "a private key in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "opaque", "a certificate in PEM"),
        (make_jwt(sub="x", exp=4102444800), "jwt", "a JSON Web Token"),
        (make_jwt(sub="x", exp=1), "opaque", "has expired"),
        (b"eyJub3BlIjoxfQ.e30.c2ln", "opaque", "no form that is known"),
        (b"AKIAIOSFODNN7EXAMPLE", "opaque", "the id of an AWS key"),
        (b"hunter2", "opaque", "no form that is known"),
    ],
    ids=lambda part: part if isinstance(part, str) else "value",
)
def test_a_value_has_the_type_of_its_form(value, kind, reason):
    found = recognize(value, {}, None)
    assert (found.type, found.reads and list(found.reads.values())) == (kind, [value])
    assert reason in found.reason


def test_fields_have_a_type_if_they_are_those_of_one():
    aws = {"access_key_id": b"AKIAIOSFODNN7EXAMPLE", "secret_access_key": b"x" * 40}
    assert recognize(None, aws, None).type == "aws"
    assert recognize(None, {"username": b"a", "password": b"b"}, None).type == "basic"
    assert recognize(None, {"username": b"a", "pin": b"b"}, None).type == "opaque"


def test_a_type_that_the_file_states_counts_and_is_the_reason():
    assert recognize(b"x", {}, "api_key").type == "api_key"
    found = recognize(None, {"tls.key": PKCS8, "tls.crt": b"x"}, "example.io/tls")
    assert (found.type, found.reason) == ("opaque", "the file says 'example.io/tls'")


def test_without_detection_every_value_is_plain():
    assert recognize(OPENSSH, {}, None, False).type == "opaque"


def test_neither_form_shows_a_value():
    assert "hunter2" not in repr(recognize(b"hunter2", {}, None))


@given(st.binary(max_size=60) | st.from_regex(rb"(postgresql|mysql|redis|mongodb)://[!-~]{0,40}", fullmatch=True))
def test_no_value_is_lost_or_refused(value):
    assert value in recognize(value, {}, None).reads.values()
