# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP client over TLS and through proxies: who is believed, what is shown to whom."""

from __future__ import annotations

import base64
import contextlib
import os
import ssl

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from tests.servers import forward_proxy, scripted, tls_front
from tests.servers.certificates import Authority
from tests.servers.forward_proxy import SAID
from tests.servers.processes import LOOPBACK
from tests.servers.scripted import Answer

NAME = "service.test"
"""The name of a server that only a proxy can reach."""


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch.setenv


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def server():
    with scripted.running(lambda _request: Answer(200, {"by": "server"})) as made:
        yield made


@pytest.fixture
def front(authority, server):
    """TLS before the server, with a certificate for the loopback address and for `NAME`."""
    with tls_front.running(server.port, authority.issue("server", [LOOPBACK, NAME])) as made:
        yield made


def ask(front, host=LOOPBACK, path="", **settings):
    client = HttpClient(Tls(**settings))
    try:
        return client.request("GET", "https://{0}:{1}/{2}".format(host, front.port, path)).json
    finally:
        client.close()


def test_an_authority_is_believed_from_a_file_and_from_text(front, authority):
    file = str(authority.certificate)
    assert ask(front, ca_file=file) == {"by": "server"}
    assert ask(front, ca_data=authority.certificate.read_text()) == {"by": "server"}


def test_without_one_the_systems_are_believed_and_those_of_requests_are_not(front, authority, environment):
    file = str(authority.certificate)
    environment("REQUESTS_CA_BUNDLE", file)
    environment("CURL_CA_BUNDLE", file)
    with pytest.raises(StorageError, match="the certificate of 127.0.0.1:{0} cannot be verified".format(front.port)):
        ask(front)
    environment("SSL_CERT_FILE", file)
    assert ask(front) == {"by": "server"}


def test_where_one_is_given_no_other_is_believed(front, authority, environment, tmp_path):
    environment("SSL_CERT_FILE", str(authority.certificate))
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "another authority")
    with pytest.raises(StorageError, match="cannot be verified"):
        ask(front, ca_file=str(other.certificate))
    assert front.trusted == 0


def test_a_certificate_for_another_name_is_believed_where_the_name_is_given(authority, server):
    with tls_front.running(server.port, authority.issue("other", ["other.test"])) as front:
        file = str(authority.certificate)
        with pytest.raises(StorageError, match="cannot be verified"):
            ask(front, ca_file=file)
        assert ask(front, ca_file=file, server_name="other.test") == {"by": "server"}


def test_any_certificate_is_believed_where_that_is_said(front):
    assert ask(front, verify=False) == {"by": "server"}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_server_that_speaks_tls_1_1_at_most_is_refused(front, authority):
    front.context.set_ciphers("ALL:@SECLEVEL=0")
    front.context.minimum_version = ssl.TLSVersion.TLSv1
    front.context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(StorageError, match=r"cannot agree on TLS.*TLS 1\.2 or later"):
        ask(front, ca_file=str(authority.certificate))


def test_a_client_certificate_is_shown_to_a_server_that_asks_for_one(front, authority):
    front.context.verify_mode = ssl.CERT_REQUIRED
    front.context.load_verify_locations(str(authority.certificate))
    issued = authority.issue("client", client=True)
    settings = {"client_cert": str(issued.certificate), "client_key": str(issued.key)}
    assert ask(front, ca_file=str(authority.certificate), **settings) == {"by": "server"}
    with pytest.raises((StorageError, Unavailable)):
        ask(front, ca_file=str(authority.certificate))


def pem_of(issued):
    return Secret(issued.certificate.read_bytes() + issued.key.read_bytes())


def list_open_files():
    """What the open files of this process are. Other tests' threads open and close some meanwhile."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink("/proc/self/fd/" + descriptor))
    return found


def test_a_client_certificate_from_a_field_is_shown_and_leaves_no_file(front, authority, tmp_path, monkeypatch):
    front.context.verify_mode = ssl.CERT_REQUIRED
    front.context.load_verify_locations(str(authority.certificate))
    pem = pem_of(authority.issue("client", client=True))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert ask(front, ca_file=str(authority.certificate), client_pem=pem) == {"by": "server"}
    monkeypatch.delattr("os.memfd_create")  # as where the system has no files in memory
    assert ask(front, ca_file=str(authority.certificate), client_pem=pem) == {"by": "server"}
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [path for path in list_open_files() if "client certificate" in path or str(tmp_path) in path] == []


def test_settings_show_no_client_certificate(authority):
    pem = pem_of(authority.issue("client", client=True))
    assert "PRIVATE KEY" not in repr(Tls(client_pem=pem))


@pytest.mark.parametrize("source", ["files", "field"])
def test_a_client_certificate_goes_to_no_other_host(front, authority, server, source):
    with scripted.running() as another:
        server.script = lambda _request: Answer(302, {}, {"Location": another.url})
        issued = authority.issue("client", client=True)
        files = {"client_cert": str(issued.certificate), "client_key": str(issued.key)}
        settings = files if source == "files" else {"client_pem": pem_of(issued)}
        with pytest.raises(StorageError, match="not followed"):
            ask(front, ca_file=str(authority.certificate), **settings)
        assert another.asked == []


def test_no_redirect_leads_from_tls_to_none(front, authority, server):
    with scripted.running() as another:
        server.script = lambda _request: Answer(302, {}, {"Location": another.url})
        with pytest.raises(StorageError, match="not followed"):
            ask(front, ca_file=str(authority.certificate))
        assert another.asked == []


def encrypted(key):
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    sealed = serialization.BestAvailableEncryption(b"passphrase")
    key.write_bytes(loaded.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))


@pytest.mark.parametrize("wrong", ["missing", "garbage", "encrypted", "another's"])
def test_a_client_certificate_that_cannot_be_used_is_refused_before_a_request(authority, tmp_path, wrong):
    issued, other = authority.issue("client", client=True), authority.issue("other", client=True)
    key = {"missing": tmp_path / "none", "garbage": tmp_path / "garbage", "another's": other.key}.get(wrong, issued.key)
    (tmp_path / "garbage").write_text("garbage")
    if wrong == "encrypted":
        encrypted(issued.key)
    with pytest.raises(InvalidConfiguration, match="it is not a certificate with its key") as caught:
        HttpClient(Tls(client_cert=str(issued.certificate), client_key=str(key)))
    assert caught.value.option == "client_cert"


@pytest.mark.parametrize("wrong", ["no key", "garbage", "encrypted", "another's"])
def test_a_client_certificate_in_a_field_that_cannot_be_used_is_refused_before_a_request(authority, wrong):
    issued, other = authority.issue("client", client=True), authority.issue("other", client=True)
    if wrong == "encrypted":
        encrypted(issued.key)
    key = {"no key": b"", "garbage": b"garbage", "another's": other.key.read_bytes()}.get(wrong, issued.key.read_bytes())
    with pytest.raises(InvalidConfiguration, match="it is not a certificate with its key") as caught:
        HttpClient(Tls(client_pem=Secret(issued.certificate.read_bytes() + key)))
    assert caught.value.option == "client_cert"


@pytest.mark.parametrize("settings", [{"ca_file": "/nowhere/ca.pem"}, {"ca_data": "garbage"}])
def test_an_authority_that_is_none_is_refused_before_a_request(settings):
    with pytest.raises(InvalidConfiguration, match="it holds no certificate") as caught:
        HttpClient(Tls(**settings))
    assert caught.value.option == "ca_cert"


@pytest.fixture
def proxy(front):
    with forward_proxy.running(front.port) as made:
        yield made


def with_login(url):
    return url.replace("//", "//user:pr0xy-w0rd@")


LOGIN = "Basic " + base64.b64encode(b"user:pr0xy-w0rd").decode()


def test_https_goes_through_a_tunnel_of_the_proxy_which_alone_gets_its_login(front, proxy, server, authority, environment):
    environment("HTTPS_PROXY", with_login(proxy.url))
    client = HttpClient(Tls(ca_file=str(authority.certificate)))
    url = "https://{0}:{1}/secret-path".format(NAME, front.port)
    assert client.request("GET", url, bearer=Secret("t0ken")).json == {"by": "server"}
    (asked,) = proxy.asked
    assert (asked.method, asked.target) == ("CONNECT", "{0}:{1}".format(NAME, front.port))
    assert (asked.headers["proxy-authorization"], "authorization" in asked.headers) == (LOGIN, False)
    assert "proxy-authorization" not in server.asked[0].headers


def test_http_goes_to_the_proxy_whole(proxy, environment):
    environment("HTTP_PROXY", with_login(proxy.url))
    assert HttpClient(allow_plain=True).request("GET", "http://service.test/path").body == SAID
    (asked,) = proxy.asked
    assert (asked.target, asked.headers["proxy-authorization"]) == ("http://service.test/path", LOGIN)


def test_this_machine_and_what_no_proxy_names_are_reached_directly(front, proxy, authority, environment):
    environment("HTTPS_PROXY", proxy.url)
    assert ask(front, ca_file=str(authority.certificate)) == {"by": "server"}
    environment("NO_PROXY", "test")
    with pytest.raises(Unavailable, match="its name cannot be resolved"):
        ask(front, host=NAME, ca_file=str(authority.certificate))
    assert proxy.asked == []


def test_a_redirect_to_this_machine_leaves_the_proxy(proxy, server, front, authority, environment):
    environment("HTTPS_PROXY", with_login(proxy.url))
    answers = iter([Answer(302, {}, {"Location": "https://{0}:{1}/".format(LOOPBACK, front.port)}), Answer(200, {"by": "server"})])
    server.script = lambda _request: next(answers)
    assert ask(front, host=NAME, ca_file=str(authority.certificate)) == {"by": "server"}
    assert (len(proxy.asked), len(server.asked)) == (1, 2)
    assert "proxy-authorization" not in server.asked[1].headers


@pytest.mark.parametrize("broken", ["http://127.0.0.1:1", "http://", "nonsense://x"])
def test_a_proxy_that_cannot_be_used_is_an_error_without_its_login(environment, broken):
    environment("HTTPS_PROXY", with_login(broken))
    with pytest.raises(CredentialError) as caught:
        HttpClient().request("GET", "https://service.test/secret-path")
    assert caught.value.code in ("unavailable", "invalid_configuration")
    assert "pr0xy-w0rd" not in str(caught.value)
    assert "secret-path" not in str(caught.value)
