# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every client of a server takes the same way to it: which proxy, with which login, and never one to this machine."""

from __future__ import annotations

import base64
import contextlib
import json
import sys

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.connection import Connection as Kubernetes
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection as Vault
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration, MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from tests.servers import forward_proxy, scripted, socks_proxy, tls_front
from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK
from tests.servers.scripted import Answer

NAME = "service.test"
"""The name of a server that only a proxy can reach."""
LOGIN = "us%40er:pr0xy-w0rd@"
TOKEN = "canary-t0ken"
SPELLINGS = ["127.0.0.1", "localhost", "localhost.", "LOCALHOST", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]
BODY = {"kind": "Secret", "metadata": {"name": "a"}, "errors": [], "request_id": "1"}


def ask_http(url, authority):
    client = HttpClient(Tls(ca_file=authority))
    client.request("GET", url, headers={"Authorization": TOKEN})


def ask_session(url, authority):
    """As the libraries of OAuth 2.0 and ACME do."""
    HttpClient(Tls(ca_file=authority)).session.get(url, headers={"Authorization": TOKEN})


def ask_vault(url, authority):
    settings = {"url": url, "ca_cert": authority, "auth": {"token": TOKEN}}
    Vault(settings, store="prod", warn=lambda _message: None).request("GET", "secret/a")


def ask_kubernetes(url, authority, **settings):
    given = {"host": url, "api_key": TOKEN, "ca_cert": authority, **settings}
    Kubernetes(given, store="prod", warn=lambda _message: None).request("get", "a")


CLIENTS = {"http": ask_http, "session": ask_session, "vault": ask_vault, "kubernetes": ask_kubernetes}


@pytest.fixture(params=CLIENTS)
def ask(request):
    return CLIENTS[request.param]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch.setenv


@pytest.fixture
def server():
    with scripted.running(lambda _request: Answer(200, BODY)) as made:
        yield made


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def front(authority, server):
    """TLS before the server, with a certificate for the loopback address and for `NAME`."""
    with tls_front.running(server.port, authority.issue("server", [LOOPBACK, NAME])) as made:
        yield made


@pytest.fixture
def proxy(front):
    with forward_proxy.running(front.port) as made:
        yield made


def with_login(url):
    return url.replace("://", "://" + LOGIN)


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_this_machine_is_reached_without_a_proxy_however_it_is_spelled(ask, environment, server, proxy, host, variable):
    """The login would go to the proxy in clear."""
    environment(variable, with_login(proxy.url))
    with contextlib.suppress(CredentialError, OSError):  # not every system resolves every spelling
        ask("http://{0}:{1}".format(host, server.port), None)
    assert proxy.asked == []
    if host in ("127.0.0.1", "127.1"):
        assert len(server.asked) == 1


def test_a_proxy_with_a_login_gets_it_and_the_server_does_not(ask, environment, server, front, proxy, authority):
    environment("HTTPS_PROXY", with_login(proxy.url))
    ask("https://{0}:{1}".format(NAME, front.port), str(authority.certificate))
    expected = "Basic " + base64.b64encode(b"us@er:pr0xy-w0rd").decode()
    assert [(asked.method, asked.headers.get("proxy-authorization")) for asked in proxy.asked] == [("CONNECT", expected)]
    assert "proxy-authorization" not in server.asked[0].headers


@pytest.mark.parametrize("exempt", ["other.test service.test", "other.test,\tservice.test", ".test"])
def test_no_proxy_is_read_as_curl_reads_it(ask, environment, front, proxy, authority, exempt):
    environment("HTTPS_PROXY", proxy.url)
    environment("NO_PROXY", exempt)
    with pytest.raises(Exception, match="resolve"):
        ask("https://{0}:{1}".format(NAME, front.port), str(authority.certificate))
    assert proxy.asked == []


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
def test_a_socks_proxy_without_its_package_is_a_missing_library(ask, environment, monkeypatch, scheme):
    monkeypatch.setitem(sys.modules, "socks", None)
    environment("ALL_PROXY", "{0}://{1}127.0.0.1:1".format(scheme, LOGIN))
    with pytest.raises(MissingLibrary, match="pip install 'PySocks") as caught:
        ask("https://{0}:1".format(NAME), None)
    assert "pr0xy-w0rd" not in str(caught.value)


@pytest.mark.parametrize("login", ["", LOGIN])
def test_a_socks_proxy_leads_to_the_server(ask, environment, server, front, authority, login):
    with socks_proxy.running(front.port) as proxy:
        environment("ALL_PROXY", proxy.url.replace("://", "://" + login))
        ask("https://{0}:{1}".format(NAME, front.port), str(authority.certificate))
    assert (proxy.asked, proxy.logins) == ([NAME], [("us@er", "pr0xy-w0rd")] if login else [])
    assert len(server.asked) == 1


@pytest.fixture
def kubeconfig(tmp_path):
    def write(**cluster):
        content = {
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        path = tmp_path / "config"
        path.write_text(json.dumps(content))
        return {"kubeconfig": str(path), "api_key": None}

    return write


@pytest.mark.parametrize("host", [NAME, LOOPBACK])
def test_the_proxy_of_a_kubeconfig_beats_the_environment(environment, front, proxy, authority, kubeconfig, host):
    """Also to 127.0.0.1, which is the proxy's machine then: so a tunnel to a bastion is used."""
    environment("HTTPS_PROXY", "http://127.0.0.1:1")
    environment("NO_PROXY", "*")
    settings = kubeconfig(**{"server": "https://{0}:{1}".format(host, front.port), "proxy-url": with_login(proxy.url)})
    ask_kubernetes(None, str(authority.certificate), **settings)
    assert [asked.method for asked in proxy.asked] == ["CONNECT"]
    assert "proxy-authorization" in proxy.asked[0].headers


def test_plain_http_through_the_proxy_of_a_kubeconfig_is_refused(proxy, server, kubeconfig):
    with pytest.raises(InvalidConfiguration, match="plain HTTP would show the token"):
        ask_kubernetes(None, None, **kubeconfig(**{"server": server.url, "proxy-url": proxy.url}))
    assert proxy.asked == []


@pytest.mark.parametrize("proxy_url", ["http://", "nonsense://pr0xy-w0rd@x", "pr0xy-w0rd"])
def test_a_proxy_of_a_kubeconfig_that_cannot_be_used_is_refused(front, kubeconfig, proxy_url):
    with pytest.raises(InvalidConfiguration, match="Check 'proxy-url'") as caught:
        ask_kubernetes(None, None, **kubeconfig(**{"server": "https://{0}:{1}".format(NAME, front.port), "proxy-url": proxy_url}))
    assert "pr0xy-w0rd" not in str(caught.value)
