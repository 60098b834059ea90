# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What merely looks like a secret is found, without its text; what is a name, a template or a checksum is not."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from random import Random

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.scanning.look_alikes import LookAlikes
from tests.unit.scanning.scanned import CURRENT, places

MADE = Random(7)


def make(count, letters="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"):
    """Letters that no secret is made of."""
    return "".join(MADE.choice(letters) for _number in range(count))


JWT = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "HS256"}, {"sub": "a"}))
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
HEX = "0123456789abcdef"
PLANTED = [
    "aws_access_key_id = AKIA" + make(16, CAPITALS),
    "aws_secret_access_key = '" + make(40) + "'",
    "token: ghp_" + make(36),
    "token: gho_" + make(36),
    "GITLAB=glpat-" + make(20),
    "stripe: sk_live_" + make(24),
    "slack xoxb-" + make(12, "0123456789") + "-" + make(12, "0123456789") + "-" + make(24),
    "https://hooks.slack.com/services/T" + make(8, CAPITALS) + "/B" + make(8, CAPITALS) + "/" + make(24),
    "url = postgres://app:" + make(16) + "@db.example.com/shop",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "-----BEGIN EC PRIVATE KEY-----",
    'password = "' + make(14) + '"',
    "api_key: '" + make(20) + "'",
    "DB_PASSWORD=" + make(18),
    "Authorization: Bearer " + JWT + "." + make(43),
    "//registry.npmjs.org/:_authToken=npm_" + make(36),
    "sendgrid SG." + make(22) + "." + make(43),
    "const mask = '" + make(64, HEX) + "'",
    "AccountKey=" + base64.b64encode(MADE.getrandbits(512).to_bytes(64, "big")).decode(),
]
HARMLESS = [
    "password: \"{{ lookup('nebula.credential.get', 'db_pass') }}\"",
    "password = os.environ['PASSWORD']",
    "secret: ${SECRET}",
    "The password is kept in the store.",
    "server = 192.0.2.10",
    "id: 123e4567-e89b-12d3-a456-426614174000",
    'password = "hunter2-horse"  # pragma: allowlist secret',
    "for key in sorted(keys):",
]


def test_twenty_planted_ones_are_found_with_their_lines_and_without_their_texts(scanned):
    scanned.put("planted.yml", "".join("nothing\n{0}\n".format(line) for line in PLANTED))
    result = scanned.scan(look_alikes=True)
    assert len(PLANTED) == 20
    assert sorted({row["line"] for row in result["findings"]}) == list(range(2, 41, 2))
    assert {row["kind"] for row in result["findings"]} == {"look_alike"}
    assert all(row["looks_like"] and row["name"] is None for row in result["findings"])
    written = json.dumps(result)
    assert [line for line in PLANTED if max(line.replace("'", " ").replace('"', " ").split(), key=len) in written] == []


@pytest.mark.parametrize("name", ["app.ini", "app.yml", ".env", "prod.env", ".env.local"])
def test_values_without_quotes_are_found_in_configuration(name):
    assert list(LookAlikes().list_kinds("conf/" + name, 1, "DB_PASSWORD=" + make(18))) == ["Secret Keyword"]


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_no_secret_is_not_found(line):
    assert list(LookAlikes().list_kinds("app.yml", 1, line)) == []


def test_they_are_found_only_if_that_is_wanted_and_after_the_stored_values(scanned):
    scanned.put("a", 'password = "{0}"\n'.format(make(14)))
    scanned.put("b", CURRENT)
    assert places(scanned.scan()) == [("b", 1)]
    result = scanned.scan(look_alikes=True)
    assert [row["kind"] for row in result["findings"]] == ["value", "look_alike"]
    assert result["counts"] == {"value": 1, "look_alike": 1}
    scanned.put("b", "")
    assert [scanned.scan(look_alikes=True, fail_on=fail_on)["failed"] for fail_on in ("values", "findings")] == [False, True]


def test_binary_files_and_lists_of_checksums_have_none(scanned):
    digest = hashlib.sha256(b"a").hexdigest()
    scanned.put("poetry.lock", "hash = '{0}'\n".format(digest))
    scanned.put("binary", b"\0password = 'abc-of-a-binary'\n")
    assert scanned.scan(look_alikes=True)["findings"] == []


@pytest.mark.parametrize(("module", "parameters"), [("ahocorasick", {}), ("detect_secrets", {"look_alikes": True})])
def test_a_package_that_is_not_installed_is_named(scanned, monkeypatch, module, parameters):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "site-packages" not in path])
    with pytest.raises(errors.MissingLibrary) as caught:
        scanned.scan(**parameters)
    assert "pip install" in str(caught.value)
