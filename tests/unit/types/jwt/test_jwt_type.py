# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type `jwt`: a key that issues tokens, and tokens of others (C4)."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Expired,
    InvalidInput,
    MissingLibrary,
    NoToken,
    RefreshUnsupported,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import REDACTED, Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types import registry
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt import keys
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import read_token
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import ALGORITHMS, read_keys, read_secret
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.verification import Expectation, verify_token
from tests.unit.types.jwt.signed import build_fields, new_key, sign

KIND = registry.type_named("jwt", {})
PRIVATE, PUBLIC = new_key()
SEEN = Expectation(issuer="https://deploy.example", audiences=("registry",))
FIELDS = {"issuer": "https://deploy.example", "audience": "registry", "claims": json.dumps({"role": "robot"})}


def secrets(**fields):
    return {name: Secret(value) for name, value in fields.items()}


def now():
    return datetime.now(timezone.utc)


class World:
    """A store whose clock is moved."""

    def __init__(self):
        self.ahead = timedelta(0)
        self.opened = open_store({"audit": "off", "backend": "memory"}, name="prod", warn=lambda _text: None)
        self.manager = CredentialManager(self.opened.backend, store="prod", clock=lambda: now() + self.ahead)

    def create(self, **wanted):
        return self.manager.create(DesiredCredential("robot", type="jwt", **wanted))

    def token(self, **which):
        return self.manager.get("robot", **which).token().expose()

    def keys(self, **which):
        return read_keys(self.manager.get("robot", **which).token("jwks").expose())

    def rotate(self, **parameters):
        return perform(self.manager, "credential_rotate", dict({"name": "robot"}, **parameters), AccessContext(), False).result


@pytest.fixture
def world():
    made = World()
    yield made
    made.opened.close()


def test_claims_are_given_as_a_mapping_or_as_its_json(world):
    mapping = {"groups": ["deploy"], "level": 3}
    wanted = {"name": "robot", "type": "jwt", "fields": {"claims": mapping}}
    assert perform(world.manager, "credential", wanted, AccessContext(), False).result["changed"]
    claims = read_token(world.token()).claims
    assert (claims["groups"], claims["level"]) == (["deploy"], 3)
    again = dict(wanted, fields={"claims": json.dumps(mapping)})
    assert not perform(world.manager, "credential", again, AccessContext(), False).result["changed"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_key_of_each_algorithm_issues_tokens_that_verify(algorithm):
    fields = build_fields(algorithm=algorithm, **FIELDS)
    answer = KIND.refresh(fields, {})
    token = answer.state["token"].expose()
    shared = ALGORITHMS[algorithm].key_type == "oct"
    verifying = [read_secret(fields["key"].expose())] if shared else read_keys(KIND.read(fields, {}, "jwks").expose())
    claims = verify_token(token, verifying, SEEN, now())
    assert claims["role"] == "robot"
    assert claims["exp"] - claims["iat"] == 3600
    assert answer.expires_at.timestamp() == claims["exp"]
    assert read_token(token).header["alg"] == algorithm
    if not shared:
        assert read_token(token).header["kid"] == verifying[0].parameters["kid"]


def test_each_token_has_an_id_of_its_own():
    fields = build_fields(lifetime="10m")
    first, second = (read_token(KIND.refresh(fields, {}).state["token"].expose()).claims for _token in range(2))
    assert first["jti"] != second["jti"]


def test_the_first_read_issues_a_token_and_the_next_ones_return_it(world):
    assert "key" in world.create(fields=secrets(**FIELDS)).fields
    first = world.token()
    assert world.token() == first
    assert verify_token(first, world.keys(), SEEN, now())
    assert world.manager.get("robot").describe()["state"] == "active"


def test_a_token_is_reissued_before_it_expires(world):
    world.create(fields=secrets(**FIELDS))
    first = world.token()
    world.ahead = timedelta(minutes=54)
    assert world.token() == first
    world.ahead = timedelta(minutes=56)
    assert world.token() != first
    assert verify_token(world.token(), world.keys(), SEEN, now())


def test_other_claims_make_another_token_with_the_same_key(world):
    world.create(fields=secrets(**FIELDS))
    before, known = world.token(), world.keys()
    world.manager.ensure(DesiredCredential("robot", fields=secrets(issuer="https://other.example")))
    assert world.token() != before
    assert verify_token(world.token(), known, Expectation(issuer="https://other.example", audiences=("registry",)), now())


def test_a_rotation_replaces_the_key_and_older_tokens_verify_with_the_older_one(world):
    world.create(fields=secrets(**FIELDS))
    before, known, version = world.token(), world.keys(), world.manager.get("robot").version
    assert world.rotate(target="none")["outcome"] == "promoted"
    after = world.token()
    assert verify_token(after, world.keys(), SEEN, now())
    assert world.keys()[0].key_id != known[0].key_id
    assert verify_token(before, world.keys(version=version), SEEN, now())


def test_a_token_of_another_issuer_has_its_expiry_and_is_never_refreshed(world):
    ends = int(now().timestamp()) + 3600
    token = sign(PRIVATE, {"exp": ends}).decode()
    created = world.create(fields=secrets(token=token))
    assert created.expires_at.timestamp() == ends
    assert world.token().decode() == token
    world.ahead = timedelta(minutes=59)
    assert world.token().decode() == token
    with pytest.raises(RefreshUnsupported):
        world.manager.refresh("robot")
    world.ahead = timedelta(minutes=61)
    with pytest.raises(Expired):
        world.token()


def test_a_lifetime_that_the_store_is_told_hides_no_missing_token(world):
    world.create(fields=secrets(**FIELDS), ttl=timedelta(days=1))
    with pytest.raises(NoToken, match="Leave out 'ttl'"):
        world.token()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "'key' of type 'jwt' is missing"),
        ({"key": "c4n4ry"}, "neither PEM nor JSON"),
        ({"key": json.dumps(PUBLIC)}, "not one private key"),
        ({"key": PRIVATE, "algorithm": "RS256"}, "does not fit the algorithm RS256"),
        ({"key": PRIVATE, "algorithm": "HS256"}, "text of a key"),
        ({"key": "c4n4ry" * 5, "algorithm": "HS256"}, "does not fit the algorithm HS256"),
        ({"key": PRIVATE, "algorithm": "none"}, "none of the values allowed"),
        ({"key": PRIVATE, "lifetime": "59s"}, "'lifetime'"),
        ({"key": PRIVATE, "lifetime": "367d"}, "'lifetime'"),
        ({"key": PRIVATE, "lifetime": "soon"}, "not a duration"),
        ({"key": PRIVATE, "claims": "c4n4ry"}, "'claims'"),
        ({"key": PRIVATE, "claims": "[]"}, "'claims'"),
        ({"key": PRIVATE, "claims": '{"exp": 1}'}, "sets exp"),
        ({"key": PRIVATE, "claims": '{"iss": "x"}', "issuer": "y"}, "sets iss"),
        ({"token": "c4n4ry"}, "not accepted"),
        ({"token": "eyJhbGciOiJub25lIn0.e30."}, "not signed with an algorithm"),
        ({"token": "e30.e30.", "issuer": "x"}, "given with issuer"),
        ({"token": "e30.e30.", "key": PRIVATE}, "given with key"),
        ({"key": PRIVATE, "isuer": "x"}, "unknown: 'isuer'"),
    ],
)
def test_fields_that_do_not_fit_are_refused_and_never_shown(fields, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        KIND.validate(secrets(**fields))
    assert "c4n4ry" not in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


def test_options_of_passwords_are_refused_for_a_key():
    with pytest.raises(InvalidInput, match="no option length"):
        KIND.generate({"length": 40, "kind": None}, {})
    with pytest.raises(InvalidInput, match="cannot be generated"):
        KIND.generate({}, secrets(token="e30.e30."))
    with pytest.raises(InvalidInput, match="none of the values"):
        KIND.generate({}, secrets(algorithm="none"))


def test_neither_key_nor_token_is_shown():
    fields = build_fields(**FIELDS)
    shown = KIND.redact({**fields, **KIND.refresh(fields, {}).state})
    assert shown["key"] == shown["token"] == REDACTED
    assert shown["issuer"] == FIELDS["issuer"]
    assert not KIND.is_secret("jwks")
    assert '"d"' not in KIND.read(fields, {}, "jwks").expose().decode()


def test_only_a_key_with_two_halves_has_a_public_one():
    with pytest.raises(NoToken, match="shared secret"):
        KIND.read(build_fields(algorithm="HS256"), {}, "jwks")
    with pytest.raises(NoToken, match="another issuer"):
        KIND.read(secrets(token="e30.e30."), {}, "jwks")


def test_the_id_of_a_key_is_the_one_that_is_wanted_else_that_of_the_jwk():
    private = read_keys(PRIVATE.encode())[0].native.as_dict(private=True, kid="jwk-id")
    for fields, expected in (({}, "jwk-id"), ({"key_id": "mine"}, "mine")):
        made = build_fields(key=json.dumps(private), **fields)
        assert read_token(KIND.refresh(made, {}).state["token"].expose()).header["kid"] == expected
        assert json.loads(KIND.read(made, {}, "jwks").expose())["keys"][0]["kid"] == expected


def test_a_missing_library_is_named_with_its_install_line(monkeypatch):
    monkeypatch.setattr(keys, "JOSERFC", replace(keys.JOSERFC, module="no_such_joserfc"))
    with pytest.raises(MissingLibrary, match=r"-m pip install 'joserfc >= 1\.8'"):
        KIND.generate({}, {})


def test_nothing_is_loaded_before_the_type_is_used(collection_root):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.nebula.credential.plugins.module_utils.types import registry\n"
        "registry.check_type('jwt'); registry.is_refreshable('jwt'); registry.type_named('basic', {})\n"
        "def loaded(): return [name for name in sys.modules if name.split('.')[0] in ('joserfc', 'cryptography', 'requests')]\n"
        "assert not any('.jwt' in name for name in sys.modules), 'the files of the type'\n"
        "kind = registry.type_named('jwt', {}); kind.redact({}); kind.can_refresh({}); kind.expires_at({})\n"
        "assert loaded() == [], loaded()\n"
        "assert registry.is_refreshable('jwt') is kind.capabilities.refresh is True\n"
    )
    subprocess.run([sys.executable, "-c", program, str(collection_root)], check=True)
