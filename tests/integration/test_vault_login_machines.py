# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins by what a machine is: a pod (a real Kubernetes API server reviews its token), a machine at AWS, Azure or Google.

OpenBao has no methods `aws`, `azure` and `gcp`, and nobody has their clouds on loopback. What stands in for them here says what it
checks and what it does not.
"""

from __future__ import annotations

import base64
import importlib
import json
import logging
import sys
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.auth import jwt

from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, MissingLibrary
from tests.integration.vault_ways import PLACE, Ways, connected, signed
from tests.servers import once, scripted
from tests.servers.scripted import Answer

ACCESS, SECRET, SESSION = "AKIDCANARYACCESS", "canary-secret-key", "canary-session-token"
ROLE, SERVER_ID = "deploy", "vault.example.com"


@pytest.fixture
def ways():
    return Ways(once.openbao())


@pytest.mark.server
def test_a_pod_logs_in_by_its_service_account_as_kubernetes_itself_reviews_it(ways, tmp_path):
    server, cluster = ways.server, once.kubernetes()
    mount = server.enable("kubernetes", ways.own + "-kubernetes", auth=True)
    config = {"kubernetes_host": cluster.url, "kubernetes_ca_cert": cluster.ca_cert.read_text(), "token_reviewer_jwt": cluster.token}
    server.call("POST", "auth/{0}/config".format(mount), dict(config, disable_local_ca_jwt=True))
    bound = {"bound_service_account_names": ways.own, "bound_service_account_namespaces": "default"}
    server.call("POST", "auth/{0}/role/test".format(mount), dict(bound, token_policies=[ways.policy]))
    file = tmp_path / "token"
    auth = {"method": "kubernetes", "mount": mount, "role": "test", "jwt_path": str(file)}
    file.write_text(cluster.service_account_token("default", ways.own))
    assert connected(server, auth).request("GET", PLACE).status == 200
    for other in (cluster.service_account_token("default", "other-" + ways.own), file.read_text()[:-8] + "AAAAAAAA"):
        file.write_text(other)
        with pytest.raises(LoginFailed):
            connected(server, auth).request("GET", PLACE)


class FakeAwsMethod:
    """`auth/aws/login` of Vault, as far as the login itself goes.

    Checked: the request is GetCallerIdentity, sent to STS, signed (SigV4, computed by botocore) with the keys of `SECRET`,
    the server's own name among what is signed. Not modelled: STS itself, which principal may use which role, clocks.
    """

    def __init__(self, session=None):
        self.session = session
        self.complaint = None

    def __call__(self, request):
        if request.path != "/v1/auth/aws/login":
            return Answer(200, {"data": {}})
        self.complaint = self._complaint(request.json)
        if self.complaint:
            return Answer(400, {"errors": ["canary " + self.complaint]})
        return Answer(200, {"auth": {"client_token": "s.aws", "lease_duration": 60, "renewable": True}})

    def _complaint(self, body):
        headers = {name: values[0] for name, values in json.loads(base64.b64decode(body["iam_request_headers"])).items()}
        url, content = (base64.b64decode(body[part]).decode() for part in ("iam_request_url", "iam_request_body"))
        fields = dict(part.split("=", 1) for part in headers.pop("Authorization").split(" ", 1)[1].split(", "))
        checks = {
            "role": body["role"] == ROLE,
            "request": (body["iam_http_request_method"], url) == ("POST", "https://sts.amazonaws.com/"),
            "action": parse_qs(content) == {"Action": ["GetCallerIdentity"], "Version": ["2011-06-15"]},
            "server": headers.get("X-Vault-AWS-IAM-Server-ID") == SERVER_ID,
            "server unsigned": "x-vault-aws-iam-server-id" in fields["SignedHeaders"].split(";"),
            "session": headers.get("X-Amz-Security-Token") == self.session,
            "signature": fields["Signature"] == self._signature(url, content, headers, fields),
        }
        return next((name for name, well in checks.items() if not well), None)

    @staticmethod
    def _signature(url, content, headers, fields):
        access, _date, region, service, _kind = fields["Credential"].split("/")
        wanted = fields["SignedHeaders"].split(";")
        request = AWSRequest("POST", url, {name: value for name, value in headers.items() if name.lower() in wanted}, content)
        request.context["timestamp"] = headers["X-Amz-Date"]
        signer = SigV4Auth(Credentials(access, SECRET), service, region)
        return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)


def aws(server, **more):
    return connected(Plain(server), dict({"method": "aws", "role": ROLE, "header_value": SERVER_ID}, **more))


class Plain:
    """A scripted server as `connected` takes one."""

    tls = False

    def __init__(self, server):
        self.url = server.url


@pytest.mark.parametrize("region", [None, "eu-central-1"])
def test_a_request_to_sts_is_signed_with_keys_that_are_written_out(region):
    with scripted.running(FakeAwsMethod()) as server:
        aws(server, access_key=ACCESS, secret_key=SECRET, region=region).request("GET", "secret/data/x")
    assert server.script.complaint is None
    assert server.asked[-1].headers["x-vault-token"] == "s.aws"


def test_keys_are_found_where_aws_programs_find_them(monkeypatch, home, caplog):
    with caplog.at_level(logging.DEBUG), scripted.running(FakeAwsMethod(SESSION)) as server:
        for name, value in (("ACCESS_KEY_ID", ACCESS), ("SECRET_ACCESS_KEY", SECRET), ("SESSION_TOKEN", SESSION)):
            monkeypatch.setenv("AWS_" + name, value)
        aws(server).request("GET", "secret/data/x")
        for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
            monkeypatch.delenv("AWS_" + name)
        (home / ".aws").mkdir()
        profile = "[default]\naws_access_key_id = {0}\naws_secret_access_key = {1}\naws_session_token = {2}\n".format(
            ACCESS, SECRET, SESSION
        )
        (home / ".aws" / "credentials").write_text(profile)
        aws(server).request("GET", "secret/data/x")
    assert server.script.complaint is None
    assert "Found credentials" in caplog.text, "the library does log"
    assert "canary" not in caplog.text


def test_keys_are_found_in_the_metadata_of_an_instance(monkeypatch, caplog):
    """IMDSv2 by a fake: checked are the token it asks for first, and the paths. Not modelled: hops, expiry, identity documents."""
    expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    content = {"Code": "Success", "AccessKeyId": ACCESS, "SecretAccessKey": SECRET, "Token": SESSION, "Expiration": expiry}

    def metadata(request):
        if (request.method, request.path) == ("PUT", "/latest/api/token"):
            return Answer(200, b"imds-token")
        if request.headers.get("x-aws-ec2-metadata-token") != "imds-token":
            return Answer(401)
        if request.path.endswith("/security-credentials/"):
            return Answer(200, b"instance-role")
        return Answer(200, content) if request.path.endswith("/security-credentials/instance-role") else Answer(404)

    with caplog.at_level(logging.DEBUG), scripted.running(FakeAwsMethod(SESSION)) as server, scripted.running(metadata) as instance:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url)
        aws(server).request("GET", "secret/data/x")
    assert server.script.complaint is None
    assert "canary" not in caplog.text


def test_a_wrong_key_is_refused_and_shown_nowhere(caplog):
    with caplog.at_level(logging.DEBUG), scripted.running(FakeAwsMethod()) as server, pytest.raises(LoginFailed) as caught:
        aws(server, access_key=ACCESS, secret_key="canary-wrong").request("GET", "secret/data/x")
    assert server.script.complaint == "signature"
    assert "canary" not in str(caught.value) + caplog.text


def test_no_keys_at_all_are_told(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with scripted.running(FakeAwsMethod()) as server, pytest.raises(LoginFailed, match="AWS has no credentials"):
        aws(server).request("GET", "secret/data/x")
    assert server.asked == []


class FakeIdentityEndpoint:
    """Azure's metadata service for tokens of managed identities.

    Checked: the header that keeps browsers out, the version of the interface, the resource and the client id that are asked
    for. What it gives out is signed and for that resource alone, and is judged by a real OpenBao's method `jwt`, whose login
    takes what Vault's method `azure` takes. Not modelled: whose machine it is, which Vault looks up at Azure.
    """

    def __init__(self, key, client_id=None):
        self.key = key
        self.client_id = client_id
        self.given = []

    def __call__(self, request):
        parts = urlsplit(request.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path != "/metadata/identity/oauth2/token" or request.headers.get("metadata") != "true" or "api-version" not in asked:
            return Answer(400, {"error": "invalid_request", "error_description": "canary"})
        if asked.get("client_id") != self.client_id:
            return Answer(400, {"error": "invalid_request", "error_description": "Identity not found"})
        token = signed(self.key, asked["resource"])
        self.given.append(token)
        return Answer(200, {"access_token": token, "expires_in": "300", "resource": asked["resource"], "token_type": "Bearer"})


@pytest.mark.server
@pytest.mark.parametrize("more", [{}, {"resource": "https://vault.example.com"}, {"client_id": "one-of-several"}])
def test_a_machine_at_azure_logs_in_by_its_managed_identity(ways, monkeypatch, caplog, more):
    key = ec.generate_private_key(ec.SECP256R1())
    mount = ways.trusting(key, more.get("resource", "https://management.azure.com/"))
    endpoint = FakeIdentityEndpoint(key, more.get("client_id"))
    with caplog.at_level(logging.DEBUG), scripted.running(endpoint) as azure:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.url)
        auth = dict({"method": "azure", "mount": mount, "role": "test", "vm_name": "one", "subscription_id": "two"}, **more)
        assert connected(ways.server, auth).request("GET", PLACE).status == 200
        with pytest.raises(LoginFailed):
            connected(ways.server, dict(auth, resource="https://elsewhere.example.com")).request("GET", PLACE)
    assert len(endpoint.given) == 2
    assert not any(token in caplog.text for token in endpoint.given)


@pytest.mark.server
def test_a_token_of_azure_may_be_given(ways):
    key = ec.generate_private_key(ec.SECP256R1())
    auth = {"method": "azure", "mount": ways.trusting(key, "vault"), "role": "test", "jwt": signed(key, "vault")}
    assert connected(ways.server, auth).request("GET", PLACE).status == 200


def test_a_machine_without_an_identity_is_told(monkeypatch, caplog):
    with caplog.at_level(logging.DEBUG), scripted.running(lambda _request: Answer(400, {"error": "invalid_request"})) as azure:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.url)
        with scripted.running() as server, pytest.raises(LoginFailed, match="Azure has no token"):
            connected(Plain(server), {"method": "azure", "role": "test"}).request("GET", PLACE)
    assert server.asked == []


class FakeGoogleMethod:
    """`auth/gcp/login` of Vault, as far as the login itself goes.

    Checked: a JWT of RS256 that is signed with the account's key, for this account, and for this role; that it ends within 15 minutes.
    Not modelled: Google's list of the account's keys, which accounts may use which role.
    """

    def __init__(self, public):
        self.public = public
        self.claims = None

    def __call__(self, request):
        if request.path != "/v1/auth/gcp/login":
            return Answer(200, {"request_id": "x", "data": {}})
        try:
            self.claims = jwt.decode(request.json["jwt"], certs=self.public, audience="vault/" + request.json["role"])
        except ValueError:
            return Answer(400, {"errors": ["canary"]})
        well = self.claims["sub"] == "app@example.iam.gserviceaccount.com" and self.claims["exp"] - self.claims["iat"] <= 900
        return Answer(200, {"auth": {"client_token": "s.gcp", "lease_duration": 60}}) if well else Answer(400, {"errors": ["canary"]})


@pytest.fixture(scope="module")
def account():
    """The key of a service account, and what verifies what it signs."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    email = "app@example.iam.gserviceaccount.com"
    return {"type": "service_account", "client_email": email, "private_key_id": "k1", "private_key": private.decode()}, public


def test_a_service_account_of_google_logs_in_with_a_token_that_its_key_has_signed(account, tmp_path):
    key, public = account
    file = tmp_path / "account.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(key))
    with scripted.running(FakeGoogleMethod(public)) as server:
        auth = {"method": "gcp", "role": ROLE, "credentials_file": str(file)}
        assert connected(Plain(server), auth).request("GET", PLACE).status == 200
        assert server.asked[-1].headers["x-vault-token"] == "s.gcp"
        file.write_text("{}")
        with pytest.raises(LoginFailed, match="the key of the service account cannot be used"):
            connected(Plain(server), auth).request("GET", PLACE)


def test_a_machine_at_google_logs_in_with_the_token_of_its_own_account(monkeypatch):
    """The metadata service by a fake: checked are its header and what is asked for. Not modelled: what Google signs."""

    def metadata(request):
        if request.headers.get("metadata-flavor") != "Google":
            return Answer(403)
        parts = urlsplit(request.path)
        if parts.path != "/computeMetadata/v1/instance/service-accounts/default/identity":
            return Answer(200, {"email": "app@example", "scopes": []}, {"Metadata-Flavor": "Google"})
        asked = parse_qs(parts.query)
        assert (asked["audience"], asked["format"]) == (["http://vault/" + ROLE], ["full"])
        return Answer(200, token.encode(), {"Metadata-Flavor": "Google"})

    token = signed(ec.generate_private_key(ec.SECP256R1()), "http://vault/" + ROLE)
    login = Answer(200, {"auth": {"client_token": "s.gcp", "lease_duration": 60}})

    def script(request):
        return login if request.path == "/v1/auth/gcp/login" else Answer(200, {"data": {}})

    with scripted.running(metadata) as machine, scripted.running(script) as server:
        # google-auth reads GCE_METADATA_HOST once, when it is loaded.
        monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", machine.url.partition("//")[2])
        assert connected(Plain(server), {"method": "gcp", "role": ROLE}).request("GET", PLACE).status == 200
        assert server.asked[0].json == {"role": ROLE, "jwt": token}


@pytest.mark.parametrize(("method", "package"), [("aws", "botocore"), ("azure", "azure-identity"), ("gcp", "google-auth")])
def test_a_missing_library_is_named_with_what_installs_it(method, package, monkeypatch):
    # Loaded without its library, it would stay so for later tests.
    importlib.import_module("ansible_collections.nebula.credential.plugins.module_utils.logins.aws_session")
    for name in (
        "botocore",
        "botocore.session",
        "botocore.exceptions",
        "azure.identity",
        "azure.core.exceptions",
        "google.auth.exceptions",
    ):
        monkeypatch.setitem(sys.modules, name, None)
    with scripted.running() as server, pytest.raises(MissingLibrary, match="pip install '?" + package):
        connected(Plain(server), {"method": method, "role": "test"}).request("GET", PLACE)
    assert server.asked == []
