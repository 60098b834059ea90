# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A shared cache behind TLS (`rediss://`): it is used where its certificate can be verified, and is told nothing where it cannot (F1)."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache import redis as client
from tests.integration.sharing import CANARY, NAME, Controllers, entries_in, plain
from tests.servers import once, tls_front
from tests.servers.certificates import Authority


@pytest.fixture
def sharing(tmp_path, monkeypatch):
    """Controllers, and the one server in front of which tests put TLS."""
    monkeypatch.setattr(client, "BOUND", 20.0)  # how fast a handshake is on a busy machine is not looked at here
    server = once.valkey()
    plain(server).flushall()
    return Controllers(tmp_path, server, monkeypatch)


def reads_over(sharing, front, **more):
    """What two controllers read that reach the shared cache by TLS."""
    url = "rediss://127.0.0.1:{0}/0".format(front.port)
    return [sharing.read(sharing.open(url=url, **more)) for _controller in range(2)]


def test_controllers_share_by_tls(sharing, tmp_path):
    """The authority is named by `ca_cert`; the login goes through."""
    authority = Authority(tmp_path)
    with tls_front.running(sharing.server.port, authority.issue("server", ["127.0.0.1"])) as front:
        assert reads_over(sharing, front, ca_cert=str(authority.certificate)) == [CANARY] * 2
        assert front.trusted >= 2
    assert sharing.fetched == [NAME]
    assert len(entries_in(sharing.server)) == 1
    assert sharing.warned == []


@pytest.mark.parametrize("flaw", ["an authority that nobody named", "another authority", "another name"])
def test_a_certificate_that_cannot_be_verified_is_told_and_gets_no_login(sharing, tmp_path, flaw):
    """The backend answers instead."""
    authority = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    named = {
        "an authority that nobody named": None,
        "another authority": Authority(tmp_path / "other").certificate,
        "another name": authority.certificate,
    }[flaw]
    places = ["cache.example.com"] if flaw == "another name" else ["127.0.0.1"]
    with tls_front.running(sharing.server.port, authority.issue("server", places)) as front:
        assert reads_over(sharing, front, **({} if named is None else {"ca_cert": str(named)})) == [CANARY] * 2
        assert front.trusted == 0
    assert sharing.fetched == [NAME] * 2
    assert entries_in(sharing.server) == []
    assert len(sharing.warned) == 2
    assert all("without its shared cache: its certificate cannot be verified" in each for each in sharing.warned)


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "something else"])
def test_a_file_that_names_no_authority_is_a_wrong_option(sharing, tmp_path, content):
    """It is told before anything is read, as for every other server."""
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidConfiguration, match=r"shared_cache\.ca_cert"):
        sharing.open(url="rediss://127.0.0.1:1/0", ca_cert=str(path))


def test_a_server_without_tls_is_not_talked_to_in_the_clear(sharing, monkeypatch):
    monkeypatch.setattr(client, "BOUND", 0.2)  # it waits for an answer that such a server does not give
    url = "rediss://127.0.0.1:{0}/0".format(sharing.server.port)
    assert sharing.read(sharing.open(url=url)) == CANARY
    assert len(sharing.warned) == 1
    assert entries_in(sharing.server) == []
