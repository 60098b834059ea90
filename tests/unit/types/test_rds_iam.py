# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type `rds_iam`: tokens that are signed here. Their signature is computed again, as AWS's documentation describes version 4."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named
from tests.unit.types.refreshed import World

HOST, KEY = "shop.abc.eu-central-1.rds.amazonaws.com", "wJalrXUtnFEMI/K7MDENG+bPx"
GIVEN = {
    "access_key_id": "AKIAEXAMPLE",
    "secret_access_key": KEY,
    "region": "eu-central-1",
    "host": HOST,
    "port": "5432",
    "username": "app",
}


def sign(place, query, key):
    """The signature that AWS computes for a presigned request (SigV4, the query without its signature)."""
    scope = query["X-Amz-Credential"].partition("/")[2]
    canonical = "&".join("{0}={1}".format(quote(name, safe=""), quote(query[name], safe="")) for name in sorted(query))
    request = "\n".join(["GET", "/", canonical, "host:" + place, "", "host", hashlib.sha256(b"").hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = ("AWS4" + key).encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def read_token(token):
    """The place, the parameters and the signature of a token."""
    place, _mark, text = token.partition("/?")
    query = dict(parse_qsl(text, strict_parsing=True))
    return place, query, query.pop("X-Amz-Signature")


def test_a_token_is_a_request_to_connect_that_the_key_has_signed():
    place, query, signature = read_token(World("rds_iam", **GIVEN).read())
    assert place == HOST + ":5432"
    assert (query["Action"], query["DBUser"], query["X-Amz-Expires"]) == ("connect", "app", "900")
    assert query["X-Amz-Credential"].split("/")[2:] == ["eu-central-1", "rds-db", "aws4_request"]
    assert signature == sign(place, query, KEY)


def test_a_token_is_never_kept_past_its_end():
    world = World("rds_iam", **GIVEN)
    first = world.read()
    signed_at = datetime.strptime(read_token(first)[1]["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    assert world.expires_at <= signed_at + timedelta(seconds=901), "the date of a token has whole seconds"
    versions = [world.manager.get("robot").version]
    for minutes in (11, 13):
        world.ahead = timedelta(minutes=minutes)
        versions.append(world.manager.get("robot").version)
    assert versions[0] == versions[1] != versions[2]


def test_a_token_of_temporary_keys_carries_their_session_token():
    query = read_token(World("rds_iam", **GIVEN, session_token="t0ken").read())[1]
    assert query["X-Amz-Security-Token"] == "t0ken"


def rotate(world, **parameters):
    return perform(world.manager, "credential_rotate", {"name": "robot", "target": "none", **parameters}, AccessContext(), False)


def test_after_a_rotation_the_new_key_signs_and_none_is_made_up():
    world = World("rds_iam", **GIVEN)
    assert sign(*read_token(world.read())[:2], KEY) == read_token(world.read())[2]
    with pytest.raises(InvalidInput, match="cannot be generated"):
        rotate(world)
    rotate(world, fields={"access_key_id": "AKIANEXT", "secret_access_key": "next"})
    place, query, signature = read_token(world.read())
    assert (query["X-Amz-Credential"].partition("/")[0], signature) == ("AKIANEXT", sign(place, query, "next"))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"region": None}, "region"),
        ({"host": "shop:5432"}, "host"),
        ({"port": "0"}, "port"),
        ({"port": "5432a"}, "port"),
        ({"external_id": "shop-7"}, "external_id"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_by_name(more, field):
    given = {name: value for name, value in {**GIVEN, **more}.items() if value is not None}
    with pytest.raises(InvalidInput, match="'{0}'".format(field)):
        type_named("rds_iam", {}).validate({name: Secret(value) for name, value in given.items()})
