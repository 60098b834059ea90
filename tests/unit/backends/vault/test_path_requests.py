# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests for paths: what is refused before anything is sent, what is kept and for how long, and what is repeated."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import path_requests
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NotFound, ReadOnly, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.servers import scripted
from tests.servers.scripted import Answer


def answering(**parts):
    """A server that gives every request the same answer, with the number of the request."""
    return lambda request: Answer(200, dict({"request_id": "x", "data": {"of": request.path}}, **parts))


@pytest.fixture
def opened():
    managers = []

    def opening(server, **options):
        config = {"backend": "vault", "url": server.url, "auth": {"token": "canary"}, "audit": "off", "base_delay": 0.001, **options}
        managers.append(open_store(config, name="prod"))
        return managers[-1]

    yield opening
    for manager in managers:
        manager.close()


def ask(manager, operation="vault_request", check_mode=False, **parameters):
    return perform(manager, operation, parameters, AccessContext(), check_mode).result


@pytest.mark.parametrize(
    ("path", "store"),
    [
        *[("secret/{0}/nebula/db_pass".format(kind), {}) for kind in ("data", "metadata", "delete", "destroy", "subkeys")],
        ("/secret/data/nebula/db_pass/", {}),
        ("secret/metadata/nebula", {}),
        ("secret/data/other", {"prefix": ""}),
        ("kv/team/data/one/two", {"mount": "kv/team", "prefix": "one"}),
        ("secret/nebula/db_pass", {"kv_version": 1}),
    ],
)
@pytest.mark.parametrize("request_", ["read", "list", "write", "delete"])
def test_a_path_of_the_store_s_own_credentials_is_refused(path, store, request_, opened):
    with scripted.running(answering()) as server, pytest.raises(InvalidInput, match=r"option .path.*credentials of the store"):
        ask(opened(server, **store), path=path, request=request_, data={} if request_ == "write" else None)
    assert server.asked == []


@pytest.mark.parametrize("path", ["secret/data/nebula2/x", "secret/config", "nebula/data/x", "secret/metadata"])
def test_what_only_looks_like_one_is_not(path, opened):
    with scripted.running(answering()) as server:
        assert ask(opened(server), path=path)["data"] == {"of": "/v1/" + path}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "a/../secret/data/nebula/x",
        "a/./b",
        "a//b",
        "a%2fb",
        "secret/data%2fnebula/x",
        "a?list=true",
        "a#b",
        "a\\b",
        "a\nb",
        "v1/a",
    ],
    ids=ascii,
)
def test_what_could_lead_elsewhere_is_no_path(path, opened):
    with scripted.running(answering()) as server, pytest.raises(InvalidInput, match="option 'path'"):
        ask(opened(server), path=path)
    assert server.asked == []


@pytest.mark.parametrize("verb", ["list", "scan"])
def test_a_read_is_not_made_a_list_by_its_parameters(verb, opened):
    with scripted.running(answering()) as server, pytest.raises(InvalidInput, match="request: list"):
        ask(opened(server), path="secret/metadata", query={verb: "true"})
    assert server.asked == []


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"path": "a", "data": {"x": 1}}, "data"),
        ({"path": "a", "compare": True}, "compare"),
        ({"path": "a", "request": "write", "cache": "5m"}, "cache"),
        ({"path": "a", "request": "delete", "wrap_ttl": "5m"}, "wrap_ttl"),
        ({"path": "a", "request": "wrap"}, "path"),
        ({"request": "unwrap"}, "token"),
        ({"path": "a", "cache": "soon"}, "cache"),
        ({"transit": {"mount": "transit", "action": "decrypt", "key": "k", "text": "x"}}, "transit.ciphertext"),
        ({"transit": {"mount": "transit", "action": "encrypt", "key": "k", "text": "x", "signature": "y"}}, "transit.signature"),
        ({"transit": {"mount": "transit", "action": "encrypt", "key": "k", "binary": "%"}}, "transit.binary"),
        ({"transit": {"mount": "transit", "action": "encrypt", "key": "k/../x", "text": "x"}}, "key"),
    ],
)
def test_an_option_that_a_request_does_not_use_is_refused_by_name(given, option, opened):
    with scripted.running(answering()) as server, pytest.raises(InvalidInput, match="option '{0}'".format(option)):
        ask(opened(server), **given)
    assert server.asked == []


def test_a_store_without_paths_says_so(tmp_path):
    manager = open_store({"backend": "local", "path": str(tmp_path / "store")}, name="here")
    with pytest.raises(InvalidInput, match=r"store 'here'.*no paths"):
        ask(manager, path="sys/mounts")


class Clock:
    """Seconds that the test moves."""

    def __init__(self, monkeypatch):
        self.seconds = 1000.0
        monkeypatch.setattr(path_requests, "now", lambda: self.seconds)


@pytest.mark.parametrize(
    ("said", "good_for"),
    [
        ({}, 300),
        ({"lease_id": "l", "lease_duration": 60}, 60),
        ({"data": {"ttl": 30}}, 30),
        ({"lease_id": "l", "lease_duration": 3600}, 300),
    ],
)
def test_a_response_is_kept_only_if_wanted_and_never_past_its_end(said, good_for, opened, monkeypatch):
    clock = Clock(monkeypatch)
    with scripted.running(answering(**said)) as server:
        manager = opened(server, revoke_on_close=False)
        for _each in range(2):
            ask(manager, path="totp/code/x")
        assert len(server.asked) == 2
        for _each in range(3):
            ask(manager, path="totp/code/x", cache="5m")
        clock.seconds += good_for - 1
        ask(manager, path="totp/code/x", cache="5m")
        assert len(server.asked) == 3
        clock.seconds += 1
        ask(manager, path="totp/code/x", cache="5m")
        assert len(server.asked) == 4


def test_callers_at_the_same_time_wait_for_one_request(opened):
    with scripted.running(answering()) as server, ThreadPoolExecutor(8) as pool:
        manager = opened(server)
        found = list(pool.map(lambda _each: ask(manager, "vault", path="sys/mounts", cache="5m")["value"], range(8)))
        assert found == [{"of": "/v1/sys/mounts"}] * 8
        assert len(server.asked) == 1


def test_a_read_is_repeated_and_a_write_whose_answer_is_lost_is_not(opened):
    def failing(request):
        # A write is only known to have changed nothing if the server says so: 502 comes from a proxy.
        return Answer(502, {"errors": []}) if len(asked(request)) == 1 else Answer(200, {"request_id": "x", "data": {}})

    seen = []

    def asked(request):
        seen.append((request.method, request.path))
        return [one for one in seen if one == (request.method, request.path)]

    with scripted.running(failing) as server:
        manager = opened(server)
        ask(manager, path="sys/mounts")
        assert len(seen) == 2
        with pytest.raises(Unavailable) as caught:
            ask(manager, path="sys/mounts/x", request="write", data={"type": "kv"})
        assert caught.value.outcome_unknown
        assert len(seen) == 3


def test_check_mode_sends_only_what_changes_nothing(opened):
    with scripted.running(answering(data={"type": "kv", "plaintext": "YQ=="})) as server:
        manager = opened(server)
        cases = [
            ({"path": "a"}, False, 1),
            ({"path": "a", "wrap_ttl": "5m"}, False, 0),
            ({"path": "a", "request": "write", "data": {"type": "kv"}}, True, 0),
            ({"path": "a", "request": "write", "data": {"type": "kv"}, "compare": True}, False, 1),
            ({"path": "a", "request": "write", "data": {"type": "pki"}, "compare": True}, True, 1),
            ({"path": "a", "request": "delete"}, True, 0),
            ({"request": "wrap", "data": {"a": "b"}}, True, 0),
            ({"request": "unwrap", "token": "t"}, True, 0),
            ({"ssh_sign": {"mount": "ssh", "role": "r", "public_key": "k"}}, True, 0),
            ({"token_create": {}}, True, 0),
            ({"transit": {"mount": "transit", "action": "encrypt", "key": "k", "text": "x"}}, False, 0),
            ({"transit": {"mount": "transit", "action": "decrypt", "key": "k", "ciphertext": "x"}}, False, 1),
        ]
        for given, changed, sent in cases:
            before = len(server.asked)
            result = ask(manager, check_mode=True, **given)
            assert (result["changed"], len(server.asked) - before) == (changed, sent), given
        assert all(request.method == "GET" or "transit/decrypt" in request.path for request in server.asked)


def test_a_missing_path_is_missing_and_an_empty_list_is_empty(opened):
    with scripted.running(lambda _request: Answer(404, {"errors": []})) as server:
        manager = opened(server)
        with pytest.raises(NotFound, match=r"there is nothing at a/b.*MOUNT/data/NAME"):
            ask(manager, path="a/b")
        assert ask(manager, path="a", request="list")["data"] == {"keys": []}
        assert ask(manager, path="a", request="delete", compare=True)["changed"] is False
        assert ask(manager, path="a", request="delete")["changed"] is True


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    "given",
    [
        {"path": "a", "request": "write", "data": {"x": 1}},
        {"path": "a", "request": "delete"},
        {"path": "a", "wrap_ttl": "5m"},
        {"request": "wrap", "data": {"a": "b"}},
        {"request": "unwrap", "token": "t"},
        {"ssh_sign": {"mount": "ssh", "role": "r", "public_key": "k"}},
        {"token_create": {}},
        {"transit": {"mount": "transit", "action": "encrypt", "key": "k", "text": "x"}},
    ],
    ids=str,
)
def test_a_read_only_store_refuses_what_may_write_before_anything_is_sent(given, check_mode, opened):
    with scripted.running(answering()) as server:
        with pytest.raises(ReadOnly, match="store 'prod'"):
            ask(opened(server, read_only=True), check_mode=check_mode, **given)
        assert server.asked == []


def test_a_read_only_store_reads_paths_and_lets_a_write_be_that_changes_nothing(opened):
    with scripted.running(answering(data={"type": "kv"})) as server:
        manager = opened(server, read_only=True)
        assert ask(manager, path="a")["data"] == {"type": "kv"}
        assert ask(manager, path="a", request="write", data={"type": "kv"}, compare=True)["changed"] is False


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("auth/token/renew", {"auth": {"client_token": "t", "accessor": "of another", "orphan": False}}),
        ("auth/token/renew-self", {"auth": {"client_token": "t", "accessor": "of the store", "orphan": False}}),
        ("sys/leases/renew", {"lease_id": "of another", "lease_duration": 60}),
        ("sys/renew/database/creds/x/1", {"lease_id": "of another", "lease_duration": 60}),
        ("sys/wrapping/unwrap", {"auth": {"client_token": "t", "accessor": "of another", "orphan": False}}),
    ],
)
def test_what_was_only_prolonged_or_unwrapped_is_not_revoked_at_the_end(path, said, opened):
    with scripted.running(answering(**said)) as server:
        manager = opened(server)
        ask(manager, path=path, request="write", data={})
        manager.close()
        assert [request.path for request in server.asked] == ["/v1/" + path]


def test_what_was_requested_is_revoked_at_the_end(opened):
    with scripted.running(answering(lease_id="mine", lease_duration=60)) as server:
        manager = opened(server)
        ask(manager, path="database/creds/x")
        manager.close()
        assert [request.path for request in server.asked] == ["/v1/database/creds/x", "/v1/sys/leases/revoke"]


def test_a_write_is_seen_by_the_next_read_even_if_it_may_use_a_response_again(opened):
    with scripted.running(answering()) as server:
        manager = opened(server)
        for _each in range(2):
            ask(manager, path="a", cache="5m")
        ask(manager, path="a", request="write", data={"x": 1})
        ask(manager, path="a", cache="5m")
        assert [request.method for request in server.asked] == ["GET", "POST", "GET"]


def test_a_response_that_was_on_its_way_during_a_write_is_not_used_again(opened):
    def writing(request):
        if len(server.asked) == 1:
            ask(manager, path="a", request="write", data={"x": 1})
        return Answer(200, {"request_id": "x", "data": {"of": request.path}})

    with scripted.running(writing) as server:
        manager = opened(server)
        for _each in range(2):
            ask(manager, path="a", cache="5m")
        assert [request.method for request in server.asked] == ["GET", "POST", "GET"]


def test_the_life_of_a_response_counts_from_its_request(opened, monkeypatch):
    clock = Clock(monkeypatch)

    def late(request):
        clock.seconds += 20
        return Answer(200, {"request_id": "x", "data": {"ttl": 30}})

    with scripted.running(late) as server:
        manager = opened(server)
        ask(manager, path="a", cache="5m")
        clock.seconds += 10
        ask(manager, path="a", cache="5m")
        assert len(server.asked) == 2
