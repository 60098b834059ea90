# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, LoginFailed, StorageError, Timeout
from tests.integration.vault_ways import PLACE, Ways, connected
from tests.servers import openbao, scripted
from tests.servers.certificates import Authority

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server():
    with openbao.running(tls=True) as started:
        yield started


@pytest.fixture(scope="module")
def elsewhere():
    """A server whose certificate is made out to a name alone, not to the address where it is reached."""
    with openbao.running(tls=True, names=(openbao.SERVER_NAME,)) as started:
        yield started


@pytest.fixture(scope="module")
def asking():
    """A server that takes no client without a certificate."""
    with openbao.running(tls=True, require_client=True) as started:
        yield started


def not_trusted(connection):
    """A server that is not believed: not passing, so nothing repeats it, and the option that mends it is named."""
    with deadline.within(5, "get"), pytest.raises(StorageError) as caught:
        connection.request("POST", PLACE, {}, writing=True)
    assert caught.value.__class__ is StorageError
    assert not caught.value.outcome_unknown
    return caught.value


def test_a_server_is_believed_by_its_authority_in_a_file_or_a_directory(server, tmp_path):
    auth = Ways(server).token()
    assert connected(server, auth).request("GET", PLACE).status == 200
    # A directory is read by the hash of each subject, as `openssl rehash` names the files.
    (tmp_path / "ca.pem").write_bytes(server.ca_cert.read_bytes())
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True)
    assert connected(server, auth, ca_cert=None, ca_path=str(tmp_path)).request("GET", PLACE).status == 200


def test_the_authority_may_come_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("VAULT_CACERT", str(server.ca_cert))
    assert connected(server, Ways(server).token(), ca_cert=None).request("GET", PLACE).status == 200


def test_an_unknown_authority_is_refused_before_a_token_is_sent(server, tmp_path):
    before = len(server.requests())
    for other in (str(Authority(tmp_path).certificate), None):
        error = not_trusted(connected(server, {"token": server.root_token}, ca_cert=other))
        assert error.option == "ca_cert"
        assert "cannot be verified" in error.what
    assert len(server.requests()) == before


def test_an_authority_that_is_given_is_the_only_one(server, monkeypatch, tmp_path):
    """What the environment adds for every program does not widen it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_cert))
    not_trusted(connected(server, {"token": server.root_token}, ca_cert=str(Authority(tmp_path).certificate)))


def test_a_certificate_of_another_name_is_refused(elsewhere):
    assert "tls_server_name" in not_trusted(connected(elsewhere, {"token": elsewhere.root_token})).remedy


def test_the_name_in_the_certificate_may_be_given(elsewhere):
    auth = Ways(elsewhere).token()
    assert connected(elsewhere, auth, tls_server_name=openbao.SERVER_NAME).request("GET", PLACE).status == 200
    not_trusted(connected(elsewhere, auth, tls_server_name="other.nebula.test"))


def test_no_verification_means_none(elsewhere):
    warnings = []
    auth = Ways(elsewhere).token()
    connection = connected(elsewhere, auth, ca_cert=None, verify=False, warn=warnings.append)
    assert connection.request("GET", PLACE).status == 200
    assert len(warnings) == 1


def test_a_client_shows_its_certificate_where_it_is_asked_for_one(asking):
    auth = Ways(asking).token()
    issued = asking.issue("client")
    with_it = connected(asking, auth, client_cert=str(issued.certificate), client_key=str(issued.key))
    assert with_it.request("GET", PLACE).status == 200
    together = issued.certificate.with_suffix(".both")
    together.touch(mode=0o600)
    together.write_bytes(issued.certificate.read_bytes() + issued.key.read_bytes())
    assert connected(asking, auth, client_cert=str(together)).request("GET", PLACE).status == 200


def test_a_missing_client_certificate_is_told(asking):
    error = not_trusted(connected(asking, {"token": "s.any"}))
    assert error.option == "client_cert"


def test_a_client_certificate_of_another_authority_is_told(asking, tmp_path):
    issued = Authority(tmp_path).issue("stranger", client=True)
    error = not_trusted(connected(asking, {"token": "s.any"}, client_cert=str(issued.certificate), client_key=str(issued.key)))
    assert error.option == "client_cert"


def test_a_key_that_does_not_belong_to_its_certificate_or_is_encrypted_is_told(server, tmp_path):
    """An encrypted one would have the TLS library ask for a password at the terminal, and wait."""
    one, other = server.issue("one"), server.issue("other")
    key = serialization.load_pem_private_key(one.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.touch(mode=0o600)
    way = serialization.BestAvailableEncryption(b"password")
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, way))
    for wrong in (other.key, locked):
        connection = connected(server, {"token": "s.any"}, client_cert=str(one.certificate), client_key=str(wrong))
        with pytest.raises(InvalidConfiguration) as caught:
            connection.request("GET", PLACE)
        assert caught.value.option == "client_cert"


def test_a_client_certificate_logs_in(server):
    ways = Ways(server)
    settings = ways.certificate()
    assert connected(server, **settings).request("GET", PLACE).status == 200
    assert connected(server, **dict(settings, verify=False, ca_cert=None)).request("GET", PLACE).status == 200


def test_a_client_certificate_of_another_role_does_not_log_in(server):
    ways = Ways(server)
    settings = ways.certificate()
    issued = server.issue("somebody-else")
    for other in ({"client_cert": str(issued.certificate), "client_key": str(issued.key)}, {"client_cert": None, "client_key": None}):
        with pytest.raises(LoginFailed):
            connected(server, **dict(settings, **other)).request("GET", PLACE)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_below_1_2_is_refused(tmp_path):
    """By us, whatever the other side would take: it takes nothing newer."""
    authority = Authority(tmp_path)
    with old_server(authority) as port:
        error = not_trusted(connected_to("https://127.0.0.1:{0}".format(port), authority))
    assert error.option == "client_cert"
    assert "TLS 1.2" in error.remedy


def test_a_server_without_tls_at_an_https_address_is_told(tmp_path):
    with scripted.running() as plain:
        error = not_trusted(connected_to(plain.url.replace("http", "https"), Authority(tmp_path)))
    assert "TLS" in error.what


def test_plain_http_to_a_server_with_tls_is_told(server):
    connection = connected(server, {"token": server.root_token}, url=server.url.replace("https", "http"), ca_cert=None)
    with pytest.raises(StorageError) as caught:
        connection.request("GET", PLACE)
    assert "is not Vault or OpenBao" in caught.value.what


def test_a_redirect_leads_no_token_from_tls_to_plain_http(server, tmp_path):
    """Shown with a standby that has TLS and an active server that has none."""
    with scripted.running() as plain, sending_on(server.authority, plain.url) as port, pytest.raises(StorageError) as caught:
        connected_to("https://127.0.0.1:{0}".format(port), server.authority).request("GET", PLACE)
    assert "not followed" in caught.value.what
    assert plain.asked == []


def connected_to(url, authority):
    class Server:
        tls, ca_cert = True, authority.certificate

    Server.url = url
    return connected(Server, {"token": "s.any"})


def test_a_proxy_of_the_environment_carries_tls_through(elsewhere, monkeypatch):
    """By CONNECT: the certificate is the server's, and the proxy sees names and sizes alone."""
    seen = []
    with tunnelling(elsewhere.port, seen) as port:
        for variable in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(variable, "http://127.0.0.1:{0}".format(port))
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(variable, raising=False)
        url = "https://{0}:8200".format(openbao.SERVER_NAME)
        token = Ways(elsewhere).token()
        connection = connected(elsewhere, token, url=url)
        assert connection.request("GET", PLACE).status == 200
        not_trusted(connected(elsewhere, token, url="https://other.nebula.test:8200"))
        connection.close()
    assert seen[0].startswith(b"CONNECT " + openbao.SERVER_NAME.encode())
    assert token["token"].encode() not in b"".join(seen)


@contextlib.contextmanager
def tunnelling(target, seen):
    """A proxy that connects whoever asks to one port of this machine, whatever the name; gives its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pass_on(source, sink):
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                seen.append(chunk)
                sink.sendall(chunk)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                client, _address = listener.accept()
                seen.append(client.recv(65536))
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                server = socket.create_connection(("127.0.0.1", target))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pass_on, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextlib.contextmanager
def listening(context, serve):
    """A TLS server of one connection after the other; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                client, _address = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(client, server_side=True) as secured:
                    serve(secured)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def context_of(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = authority.issue("listener", ("127.0.0.1",))
    context.load_cert_chain(issued.certificate, issued.key)
    return context


@contextlib.contextmanager
def old_server(authority):
    """One that takes nothing newer than TLS 1.1."""
    context = context_of(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with listening(context, lambda _secured: None) as port:
        yield port


@contextlib.contextmanager
def sending_on(authority, url):
    answer = "HTTP/1.1 307 Temporary Redirect\r\nLocation: {0}/v1/x\r\nContent-Length: 0\r\n\r\n".format(url).encode()

    def serve(secured):
        secured.recv(65536)
        secured.sendall(answer)

    with listening(context_of(authority), serve) as port:
        yield port


def test_a_listener_that_hangs_in_the_handshake_is_left_in_time(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = connected_to("https://127.0.0.1:{0}".format(listener.getsockname()[1]), server.authority)
        with deadline.within(0.3, "get"), pytest.raises(Timeout) as caught:
            connection.request("POST", PLACE, {}, writing=True)
    assert not caught.value.outcome_unknown
