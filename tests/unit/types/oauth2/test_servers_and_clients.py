# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where requests of the type `oauth2` go, and how its client proves who it is: presets, discovery, assertions, certificates, exchange."""

from __future__ import annotations

import base64
import json
import ssl

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.providers import PROVIDERS
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.settings import read_settings
from tests.servers import scripted, tls_front
from tests.servers.certificates import Authority
from tests.servers.scripted import Answer
from tests.unit.types.oauth2.clients import APP, CANARY, HOUR, KIND, ROBOT, checked, endpoint, form_of, text, token, world

URL = "https://auth.example.com/token"
EC = ECKey.generate_key("P-256")
PEM = EC.as_pem(private=True).decode()
LONG_SECRET = CANARY * 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"provider": "keycloak"}, "'issuer' of type 'oauth2' is missing"),
        ({"provider": "microsoft"}, "'tenant' of type 'oauth2' is missing"),
        ({"provider": "microsoft", "tenant": "a/b"}, "'tenant' of type 'oauth2' is neither"),
        ({"provider": "google", "issuer": "https://accounts.google.com"}, "'issuer' of type 'oauth2' is not used with the provider"),
        ({"token_url": URL, "tenant": "contoso"}, "'tenant' of type 'oauth2' is not used"),
        ({"issuer": "http://auth.example.com"}, "'issuer' of type 'oauth2' is plain HTTP"),
        ({"token_url": URL, "client_key": PEM}, "'client_secret' of type 'oauth2' is not used with the client_auth 'private_key_jwt'"),
        ({"token_url": URL, "client_key_id": "k"}, "'client_key_id' of type 'oauth2' is not used"),
        ({"token_url": URL, "client_secret": "short", "client_auth": "client_secret_jwt"}, "'client_secret' of type 'oauth2' is too short"),
        ({"token_url": URL, "client_certificate": CANARY}, "'client_key' of type 'oauth2' is missing"),
        ({"token_url": URL, "subject_token_type": "jwt"}, "'subject_token_type' of type 'oauth2' is not used with the grant"),
        ({"token_url": URL, "grant": "token_exchange"}, "'subject_token' of type 'oauth2' is missing"),
        ({"token_url": URL, "subject_token": CANARY, "actor_token_type": "jwt"}, "'actor_token_type' of type 'oauth2' is not used without"),
    ],
)
def test_fields_that_no_request_could_use_are_refused_by_name_and_not_shown(fields, said):
    with pytest.raises(InvalidInput) as caught:
        checked(**{**ROBOT, **fields})
    assert said in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [CANARY, "{}", EC.as_pem(private=False).decode(), json.dumps(OctKey.generate_key(256).as_dict())],
    ids=["text", "nothing", "public", "symmetric"],
)
def test_a_key_that_signs_nothing_is_refused_and_not_shown(key):
    with pytest.raises(InvalidInput, match="'client_key' of type 'oauth2'") as caught:
        checked(client_id="robot", token_url=URL, client_key=key)
    assert key not in str(caught.value)


def test_a_certificate_without_its_key_is_refused(tmp_path):
    certificate = Authority(tmp_path).issue("robot", client=True).certificate.read_text()
    with pytest.raises(InvalidInput, match="'client_certificate' of type 'oauth2' cannot be used"):
        checked(client_id="robot", token_url=URL, client_certificate=certificate, client_key=PEM)


@pytest.mark.parametrize(
    ("provider", "fields", "urls"),
    [
        ("github", {}, ["github.com/login/oauth/access_token", "github.com/login/oauth/authorize", "github.com/login/device/code"]),
        (
            "gitlab",
            {},
            ["gitlab.com/oauth/token", "gitlab.com/oauth/authorize", "gitlab.com/oauth/authorize_device", "gitlab.com/oauth/revoke"],
        ),
        (
            "gitlab",
            {"issuer": "https://git.example.com/"},
            ["git.example.com/oauth/" + end for end in ("token", "authorize", "authorize_device", "revoke")],
        ),
        (
            "google",
            {},
            [
                "oauth2.googleapis.com/token",
                "accounts.google.com/o/oauth2/v2/auth",
                *("oauth2.googleapis.com/" + end for end in ("device/code", "revoke")),
            ],
        ),
        (
            "keycloak",
            {"issuer": "https://sso.example.com/realms/dev"},
            ["sso.example.com/realms/dev/protocol/openid-connect/" + end for end in ("token", "auth", "auth/device", "revoke")],
        ),
        (
            "microsoft",
            {"tenant": "contoso.onmicrosoft.com"},
            ["login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/" + end for end in ("token", "authorize", "devicecode")],
        ),
    ],
)
def test_a_provider_stands_for_its_addresses_and_its_habits(provider, fields, urls):
    settings = read_settings(checked(provider=provider, **ROBOT, **fields))
    assert list(filter(None, settings.endpoints.values())) == ["https://" + url for url in urls]
    assert settings.client_auth == (PROVIDERS[provider].client_auth or "client_secret_basic")


def test_every_provider_has_been_tried_above():
    assert sorted(PROVIDERS) == ["github", "gitlab", "google", "keycloak", "microsoft"]


def test_the_refresh_tokens_of_google_and_microsoft_may_be_sent_again_and_those_of_the_others_work_once():
    more = {"keycloak": {"issuer": "https://sso.example.com/realms/dev"}, "microsoft": {"tenant": "contoso"}}
    once = {name: KIND.uses_up_token(checked(provider=name, **APP, **more.get(name, {}))) for name in PROVIDERS}
    assert once == {"github": True, "gitlab": True, "google": False, "keycloak": True, "microsoft": False}


def issuer_of(document):
    """A server that publishes a document about itself, and gives a token at every other address."""

    def answer(request):
        if request.path != "/.well-known/openid-configuration":
            return token()
        return document if isinstance(document, Answer) else Answer(200, {name: at(server.url) for name, at in document.items()})

    server = scripted.Server(answer)
    return server


def test_the_issuers_document_says_where_the_token_endpoint_is():
    server = issuer_of({"issuer": str, "token_endpoint": "{0}/t".format})
    with world() as store:
        store.write(issuer=server.url, **ROBOT)
        assert [store.token() for _each in range(3)] == ["a-1"] * 3
        assert [request.path for request in server.asked] == ["/.well-known/openid-configuration", "/t"]
    server.close()


@pytest.mark.parametrize(
    ("document", "error", "said"),
    [
        ({"issuer": "{0}/another".format, "token_endpoint": "{0}/t".format}, StorageError, "is that of another issuer"),
        ({"issuer": str}, InvalidInput, "has no 'token_endpoint'"),
        ({"issuer": str, "token_endpoint": lambda _url: "http://auth.example.com/t"}, InvalidInput, "is plain HTTP"),
        (Answer(404), StorageError, "with status 404, and with no document about itself"),
        (Answer(200, b"<html>"), StorageError, "with status 200, and with no document about itself"),
    ],
)
def test_no_secret_is_sent_if_the_document_is_not_the_issuers_own(document, error, said):
    server = issuer_of(document)
    with pytest.raises(error, match=said) as caught:
        KIND.refresh(checked(issuer=server.url, **ROBOT), {})
    server.close()
    assert (len(server.asked), CANARY in str(caught.value)) == (1, False)
    assert isinstance(caught.value, CredentialError)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSAKey.generate_key(2048), "RS256"),
        (EC, "ES256"),
        (ECKey.generate_key("P-384"), "ES384"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
    ],
    ids=["RSA", "P-256", "P-384", "Ed25519"],
)
@pytest.mark.parametrize("form", ["PEM", "JWK"])
def test_a_signed_assertion_names_the_client_and_the_endpoint_and_lasts_a_minute(key, algorithm, form):
    written = key.as_pem(private=True).decode() if form == "PEM" else json.dumps(dict(key.as_dict(private=True), kid="k-1"))
    with endpoint(token()) as server:
        KIND.refresh(checked(token_url=server.token_url, client_id="robot", client_key=written), {})
        KIND.refresh(checked(token_url=server.token_url, client_id="robot", client_key=written, client_key_id="mine"), {})
        forms = [form_of(request) for request in server.asked]
    first, second = (jws.deserialize_compact(form["client_assertion"], key, algorithms=[algorithm]) for form in forms)
    claims, others = json.loads(first.payload), json.loads(second.payload)
    assert forms[0]["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert (claims["iss"], claims["sub"], claims["aud"], claims["exp"] - claims["iat"]) == ("robot", "robot", server.token_url, 60)
    assert claims["jti"] != others["jti"]
    assert first.headers()["kid"] == (key.thumbprint() if form == "PEM" else "k-1")
    assert second.headers()["kid"] == "mine"
    assert "client_secret" not in forms[0]


def test_an_assertion_with_the_secret_never_sends_it():
    with endpoint(token()) as server:
        fields = checked(token_url=server.token_url, client_id="robot", client_secret=LONG_SECRET, client_auth="client_secret_jwt")
        KIND.refresh(fields, {})
        assert LONG_SECRET not in server.asked[0].content.decode()
        assertion = jws.deserialize_compact(
            form_of(server.asked[0])["client_assertion"], OctKey.import_key(LONG_SECRET), algorithms=["HS256"]
        )
    assert json.loads(assertion.payload)["sub"] == "robot"


def test_a_client_with_a_certificate_shows_it_in_the_handshake_and_sends_its_id(tmp_path):
    authority = Authority(tmp_path)
    issued = authority.issue("robot", client=True)
    with endpoint(token()) as server, tls_front.running(server.port, authority.issue("server", ["127.0.0.1"])) as front:
        front.context.load_verify_locations(authority.certificate)
        front.context.verify_mode = ssl.CERT_REQUIRED
        place = {
            "token_url": "https://127.0.0.1:{0}/token".format(front.port),
            "ca_cert": authority.certificate.read_text(),
            "client_id": "robot",
        }
        shown = {"client_certificate": issued.certificate.read_text(), "client_key": issued.key.read_text()}
        assert text(KIND.refresh(checked(**place, **shown), {}).state["access_token"]) == "a-1"
        assert form_of(server.asked[0]) == {"grant_type": "client_credentials", "client_id": "robot"}
        with pytest.raises(CredentialError):
            KIND.refresh(checked(refresh_token=CANARY, **place), {})
        assert len(server.asked) == 1, "without a certificate nothing arrives"


def test_an_exchange_is_the_request_of_rfc_8693():
    """Appendix 2.3 of RFC 8693: the same client, the same fields, the same bytes in the header."""
    subject = "accVkjcJyb4BWCxGsndESCJQbdFMogUC5PbRDqceLTC"
    answer = {
        "access_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6IjllciJ9.e30.c2ln",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 60,
    }
    with endpoint(Answer(200, answer)) as server:
        fields = checked(
            token_url=server.token_url,
            client_id="rs08",
            client_secret="long-secure-random-secret",
            resource="https://backend.example.com/api",
            subject_token=subject,
        )
        refreshed = KIND.refresh(fields, {})
        assert server.asked[0].headers["authorization"] == "Basic cnMwODpsb25nLXNlY3VyZS1yYW5kb20tc2VjcmV0"
        assert form_of(server.asked[0]) == {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "resource": "https://backend.example.com/api",
            "subject_token": subject,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        }
    assert text(refreshed.state["access_token"]) == answer["access_token"]
    assert base64.b64decode("cnMwODpsb25nLXNlY3VyZS1yYW5kb20tc2VjcmV0") == b"rs08:long-secure-random-secret"


def test_another_token_to_exchange_is_exchanged_at_once():
    with endpoint(token(1), token(2)) as server, world() as store:
        fields = {"token_url": server.token_url, **ROBOT}
        store.write(subject_token="s-1", requested_token_type="jwt", actor_token="actor", **fields)
        assert store.token() == "a-1"
        store.write(subject_token="s-2", **fields)
        assert (store.token(), store.ahead < HOUR) == ("a-2", True)
        forms = [form_of(request) for request in server.asked]
    assert [form["subject_token"] for form in forms] == ["s-1", "s-2"]
    assert forms[0]["requested_token_type"] == "urn:ietf:params:oauth:token-type:jwt"
    assert forms[0]["actor_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
