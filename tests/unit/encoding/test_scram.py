# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords as PostgreSQL treats them: the verifier, and what no client can log in with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any, Dict

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.encoding.scram import build_verifier, prepare
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from tests.unit.rotation.targets.recorded_modules import Recorded
from tests.unit.rotation.targets.test_postgresql import target, value_of

PASSWORDS: Dict[str, str] = {
    "ASCII": "pencil",
    "ASCII with a tab, a BEL and a newline": "a\tb\ac\nd",
    "a control character": "\u00e9\tb",
    "an emoji, which Unicode 3.2 does not assign": "emoji\U0001f600pass",
    "a letter newer than Unicode 3.2": "a\u0221b",
    "Hebrew": "\u05d0\u05d1",
    "Hebrew before Latin": "\u05d0\u05d1abc",
    "Hebrew that a digit ends": "\u05d0\u05d11",
    "U+200B, zero width space": "zero\u200bwidth",
    "U+200D, mapped to nothing": "zero\u200dwidth",
    "U+00AD, soft hyphen": "soft\u00adhyphen",
    "only characters that are mapped to nothing": "\u00ad\u00ad",
    "no-break space": "no\u00a0break",
    "ideographic space": "a\u3000b",
    "Latin with a combining accent": "e\u0301a",
    "a ligature": "\ufb01x",
    "a prohibited character that normalization would replace": "a\u0340b",
    "private use": "a\ue000b",
    "a tag": "a\U000e0041b",
    "a noncharacter": "a\ufffeb",
}


def read_verifier(written: str) -> Any:
    found = re.match(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)\Z", written)
    assert found
    return int(found[1]), *(base64.b64decode(found[number]) for number in (2, 3, 4))


def test_the_verifier_is_the_one_of_rfc_5802_and_never_holds_the_password() -> None:
    written = build_verifier("pencil")
    rounds, salt, stored, server = read_verifier(written)
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", salt, rounds)
    assert hmac.new(salted, b"Server Key", "sha256").digest() == server
    assert hashlib.sha256(hmac.new(salted, b"Client Key", "sha256").digest()).digest() == stored
    assert rounds >= 4096
    assert build_verifier("pencil") != written


@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
def test_a_password_is_prepared_as_libpq_prepares_it(password: str) -> None:
    import psycopg

    connection = psycopg.pq.PGconn.connect_start(b"host=127.0.0.1 port=1")
    rounds, salt, _stored, server = read_verifier(connection.encrypt_password(password.encode(), b"app", b"scram-sha-256").decode())
    prepared = prepare(password)
    salted = hashlib.pbkdf2_hmac("sha256", (password if prepared is None else prepared).encode(), salt, rounds)
    assert hmac.new(salted, b"Server Key", "sha256").digest() == server


def test_a_client_logs_in_with_every_such_password(postgresql: Any) -> None:
    postgresql.run("DROP ROLE IF EXISTS characters")
    postgresql.run("CREATE ROLE characters LOGIN")
    refused = []
    for what, password in PASSWORDS.items():
        postgresql.run("ALTER ROLE characters PASSWORD '{}'".format(build_verifier(password)))
        if not postgresql.accepts("characters", password):
            refused.append(what)
    assert refused == []


@pytest.mark.parametrize(("password", "words"), [(b"", "empty"), (b"a\0b", "NUL"), (b"\xff\xfe", "UTF-8")])
def test_what_no_client_can_log_in_with_is_named_and_never_sent(password: bytes, words: str) -> None:
    assert words in target().find_flaw(value_of(password))
    modules = Recorded({"changed": True, "is_available": True})
    assert target().apply(modules, value_of(password)) == steps.REFUSED
    assert target().probe(modules, value_of(password)) == steps.REFUSED
    assert modules.calls == []


@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
def test_no_other_password_has_a_flaw(password: str) -> None:
    assert target().find_flaw(value_of(password.encode())) == ""
