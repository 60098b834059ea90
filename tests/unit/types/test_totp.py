# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type `totp`: the codes of RFC 6238, and `otpauth` URIs both ways."""

from __future__ import annotations

import base64
from contextlib import closing

import pyotp
import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types import totp
from tests.unit.store.managing import ask, run

KIND = totp.Totp()
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
URI = "otpauth://totp/ACME:deploy%40example.com?secret={0}&issuer=ACME&algorithm=SHA256&digits=8&period=60".format(KEY)


def secrets(**given):
    return {name: Secret(value) for name, value in given.items()}


def texts(fields):
    return {name: value.expose().decode() for name, value in fields.items()}


def read_at(fields, seconds, monkeypatch):
    """The code at a time, in seconds since 1970."""
    monkeypatch.setattr(totp.time, "time", lambda: float(seconds))
    return KIND.read(KIND.validate(fields), {}, "code").expose().decode()


SEED = b"1234567890" * 7
VECTORS = {
    59: ("94287082", "46119246", "90693936"),
    1111111109: ("07081804", "68084774", "25091201"),
    1111111111: ("14050471", "67062674", "99943326"),
    1234567890: ("89005924", "91819424", "93441116"),
    2000000000: ("69279037", "90698825", "38618901"),
    20000000000: ("65353130", "77737706", "47863826"),
}
"""RFC 6238 appendix B: by time, the codes of SHA1, SHA256 and SHA512."""


@pytest.mark.parametrize("seconds", VECTORS)
@pytest.mark.parametrize(("place", "algorithm", "length"), [(0, "SHA1", 20), (1, "SHA256", 32), (2, "SHA512", 64)])
def test_the_codes_are_those_of_rfc_6238(place, algorithm, length, seconds, monkeypatch):
    key = base64.b32encode(SEED[:length]).decode().rstrip("=")
    assert read_at(secrets(secret=key, algorithm=algorithm, digits="8"), seconds, monkeypatch) == VECTORS[seconds][place]


def test_the_code_is_that_of_the_moment_of_each_read(monkeypatch):
    assert [read_at(secrets(secret=KEY), seconds, monkeypatch) for seconds in (59, 60)] == [
        pyotp.TOTP(KEY).at(59),
        pyotp.TOTP(KEY).at(60),
    ]


def test_the_code_is_read_if_no_field_is_named():
    assert KIND.choose_field(secrets(secret=KEY)) == "code"
    assert KIND.is_secret("code")
    assert KIND.is_secret("uri")


@pytest.mark.parametrize("given", [{"uri": URI}, {"secret": URI}], ids=["uri", "value"])
def test_a_uri_is_taken_apart_and_written_again(given):
    fields = KIND.validate(secrets(**given))
    assert texts(fields) == {
        "secret": KEY,
        "account": "deploy@example.com",
        "issuer": "ACME",
        "algorithm": "SHA256",
        "digits": "8",
        "period": "60",
    }
    assert KIND.validate(secrets(uri=KIND.read(fields, {}, "uri").expose().decode())) == fields


@pytest.mark.parametrize(
    ("label", "account", "issuer"),
    [
        ("deploy", "deploy", None),
        ("ACME%20Co:deploy", "deploy", "ACME Co"),
        ("ACME:%20deploy", "deploy", "ACME"),
        ("a%3Ab:c%3Ad", "c:d", "a:b"),
    ],
)
def test_the_label_of_a_uri_has_the_account_and_may_have_the_issuer(label, account, issuer):
    found = texts(KIND.validate(secrets(uri="otpauth://totp/{0}?secret={1}".format(label, KEY))))
    assert (found["account"], found.get("issuer")) == (account, issuer)
    assert (found["algorithm"], found["digits"], found["period"]) == ("SHA1", "6", "30")


def test_a_field_that_is_given_wins_over_its_part_of_a_uri():
    assert texts(KIND.validate(secrets(uri=URI, account="another")))["account"] == "another"


def test_a_uri_replaces_everything_that_it_means():
    """Also what it does not say, because it has a default there."""
    stored = KIND.validate(secrets(uri=URI))
    found = texts(KIND.validate(dict(stored, **KIND.expand(secrets(uri="otpauth://totp/other?secret=" + KEY)))))
    assert (found["algorithm"], found["digits"], found["period"], found["account"]) == ("SHA1", "6", "30", "other")


@pytest.mark.parametrize("written", ["jbsw y3dp ehpk 3pxp", "JBSW-Y3DP-EHPK-3PXP", " JBSWY3DPEHPK3PXP\n", "JBSWY3DPEHPK3PXPJA======"])
def test_a_key_is_taken_as_services_show_it(written):
    """The first of them has 80 bits, which is what many services give out."""
    key = texts(KIND.validate(secrets(secret=written)))["secret"]
    assert key in ("JBSWY3DPEHPK3PXP", "JBSWY3DPEHPK3PXPJA")
    assert KIND.read(KIND.validate(secrets(secret=written)), {}, "code").expose().isdigit()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"uri": "otpauth://hotp/x?secret={0}&counter=1".format(KEY)}, "'hotp'"),
        ({"secret": "otpauth://hotp/x?secret={0}&counter=1".format(KEY)}, "'hotp'"),
        ({"uri": "https://totp/x?secret=" + KEY}, "'otpauth://totp/'"),
        ({"uri": "otpauth://[/x?secret=" + KEY}, "is not a URI"),
        ({"uri": "otpauth://totp/x?digits=6"}, "no 'secret'"),
        ({"uri": "otpauth://totp/x?secret={0}&secret={0}".format(KEY)}, "'secret' twice"),
        ({"uri": "otpauth://totp/x?secret={0}&encoder=steam".format(KEY)}, "'encoder'"),
        ({"uri": "otpauth://totp/x?secret={0}&algorithm=MD5".format(KEY)}, "'algorithm'"),
        ({"uri": "otpauth://totp/x?secret={0}&digits=9".format(KEY)}, "'digits'"),
        ({"uri": "otpauth://totp/x?secret={0}&period=0".format(KEY)}, "'period'"),
        ({"secret": KEY, "period": "121"}, "'period'"),
        ({"secret": KEY, "period": "30.5"}, "'period'"),
        ({"secret": "c4n4ry words!"}, "not base32"),
        ({"secret": KEY[:-7]}, "not base32"),
        ({"secret": KEY[:15]}, "80 bits"),
    ],
)
def test_what_gives_no_code_is_refused_and_not_shown(given, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        KIND.validate(secrets(**given))
    shown = str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
    assert KEY[:15] not in shown
    assert "c4n4ry" not in shown


@pytest.mark.parametrize(("algorithm", "length"), [("SHA1", 20), ("SHA256", 32), ("SHA512", 64)])
def test_a_generated_key_is_as_long_as_its_hash(algorithm, length):
    key = KIND.generate({}, secrets(algorithm=algorithm))["secret"].expose().decode()
    assert len(base64.b32decode(key + "=" * (-len(key) % 8))) == length


def test_fields_of_another_tool_that_give_no_code_are_an_error_without_their_values():
    for wrong in ({"secret": "c4n4ry words!"}, {"secret": KEY, "digits": "many"}, {"secret": KEY, "algorithm": "MD5"}):
        with pytest.raises(InvalidToken) as caught:
            KIND.read(secrets(**wrong), {}, "code")
        assert "c4n4ry" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("given", [{"value": URI}, {"fields": {"secret": URI}}, {"fields": {"uri": URI}}], ids=["value", "secret", "uri"])
def test_a_field_that_is_given_with_a_uri_wins_wherever_the_uri_is_given(given):
    with closing(open_store({"backend": "memory", "audit": "off"}, name="test")) as manager:
        wanted = {**given, "fields": {**given.get("fields", {}), "digits": "7", "issuer": "Ours"}}
        run(manager, type="totp", **wanted)
        found = ask(manager, "get", name="db", fields=["digits", "issuer", "account", "period", "secret"]).result["value"]
        assert found == {"digits": "7", "issuer": "Ours", "account": "deploy@example.com", "period": "60", "secret": KEY}
        assert not run(manager, type="totp", **wanted)["changed"]


def test_a_key_that_its_service_would_not_know_is_not_made_by_a_rotation():
    """The service makes the key. Where a person or a target brings it the new one, it may be made here."""
    with closing(open_store({"backend": "memory", "audit": "off"})) as manager:
        run(manager, name="factor", type="totp", value=KEY)
        with pytest.raises(InvalidInput, match="one that its service does not know"):
            ask(manager, "credential_rotate", name="factor", target="none")
        assert manager.get("factor").token("secret") == Secret(KEY)
        ask(manager, "credential_rotate", name="factor", target="none", value="KRUGS4ZANFZSAYJAONSWG4TFOQ======")
        assert manager.get("factor").token("secret") == Secret("KRUGS4ZANFZSAYJAONSWG4TFOQ")
        assert ask(manager, "credential_rotate", name="factor", phase="prepare").result["changed"]
