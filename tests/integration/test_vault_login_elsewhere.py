# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins that another server decides about: a directory, and an agent that adds its own token."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed
from tests.integration.vault_ways import PLACE, Ways, connected
from tests.servers import once, openbao, processes, scripted
from tests.servers.scripted import Answer
from tests.servers.slapd import PEOPLE

pytestmark = pytest.mark.server


@pytest.fixture
def ways():
    return Ways(once.openbao())


class FakeLdapMethod:
    """`auth/ldap/login/<user>` of Vault, which OpenBao has no longer. A real slapd checks the password, as Vault does by a bind."""

    def __init__(self, directory):
        self.directory = directory

    def __call__(self, request):
        begin, _slash, user = request.path.rpartition("/")
        if begin != "/v1/auth/people/login":
            return Answer(200, {"request_id": "x", "data": {}})
        if not self.directory.accepts("uid={0},{1}".format(user, PEOPLE), request.json["password"]):
            return Answer(400, {"errors": ["ldap operation failed: failed to bind as user"]})
        return Answer(200, {"auth": {"client_token": "s.ldap", "lease_duration": 60}})


def test_a_person_of_a_directory_logs_in():
    directory = once.slapd()
    directory.add_person("operator", "right")
    auth = {"method": "ldap", "mount": "people", "username": "operator", "password": "right"}
    with scripted.running(FakeLdapMethod(directory)) as server:
        assert connected(Agent(server.url), auth).request("GET", PLACE).status == 200
        assert server.asked[-1].headers["x-vault-token"] == "s.ldap"
        with pytest.raises(LoginFailed):
            connected(Agent(server.url), dict(auth, password="canary-wrong")).request("GET", PLACE)


def test_an_agent_adds_its_own_token(ways, tmp_path, monkeypatch):
    """OpenBao's own proxy, logged in by AppRole. Nothing of ours logs in, and no token of the environment is sent."""
    monkeypatch.setenv("VAULT_TOKEN", "canary")
    auth = ways.approle()
    for name in ("role_id", "secret_id"):
        (tmp_path / name).write_text(auth[name])
    port = processes.free_port()
    method = {"type": "approle", "mount_path": "auth/" + auth["mount"]}
    files = {name + "_file_path": str(tmp_path / name) for name in ("role_id", "secret_id")}
    config = {
        "vault": {"address": ways.server.url},
        "auto_auth": {"method": [dict(method, config=dict(files, remove_secret_id_file_after_reading=False))]},
        "api_proxy": {"use_auto_auth_token": "force"},
        "listener": [{"tcp": {"address": "127.0.0.1:{0}".format(port), "tls_disable": True, "require_request_header": True}}],
    }
    (tmp_path / "proxy.json").write_text(json.dumps(config))
    command = [str(openbao.find_program()), "proxy", "-config", str(tmp_path / "proxy.json")]
    process = processes.start(command, account=processes.Account(), log=tmp_path / "proxy.log", directory=tmp_path)
    try:
        connection = connected(Agent("http://127.0.0.1:{0}".format(port)), {"method": "none"})
        processes.wait_until(lambda: connection.health().status == "healthy", process=process)
        assert connection.request("GET", PLACE).body["data"]["data"] == {"it": "works"}
        connection.close()
        assert connected(Agent(connection.address["url"]), {"method": "none"}).request("GET", PLACE).status == 200
    finally:
        processes.stop(process)


class Agent:
    """What `connected` takes."""

    tls = False

    def __init__(self, url):
        self.url = url
