# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the backend kubernetes, and what each answer of a server comes to (A7). Real servers: tests/integration."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import UNHEALTHY, BackendContext, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import login
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.backend import Kubernetes
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    InvalidInput,
    LoginFailed,
    MissingLibrary,
    NotFound,
    StorageError,
    StorageFull,
    Timeout,
    TooLarge,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import CHECKOUT
from tests.servers import scripted
from tests.servers.scripted import Answer

TOKEN = "canary-token-7f3a"
SECRET = Answer(200, {"kind": "Secret", "metadata": {"name": "nebula-a"}})
each = pytest.mark.parametrize


def backend(**settings):
    return Kubernetes(dict({"encrypt": False}, **settings), BackendContext("prod"))


def connected(server, **settings):
    return Connection(dict({"host": server.url, "api_key": TOKEN}, **settings), store="prod", warn=lambda _message: None)


def status(code, message="", reason="", **details):
    return Answer(code, {"kind": "Status", "code": code, "message": message, "reason": reason, "details": details})


def missing(request):
    """The response of a server with the namespace, and without the Secret."""
    if request.path.endswith("/secrets/nebula-a"):
        return status(404, kind="secrets", name="nebula-a")
    return Answer(200, {"kind": "Namespace", "metadata": {}})


def failure(answer, verb="get"):
    with scripted.running(lambda _request: answer) as server, pytest.raises(
        (StorageError, AccessDenied, LoginFailed, InvalidInput)
    ) as caught:
        connected(server).request(verb, "" if verb == "create" else "nebula-a", {} if verb != "get" else None)
    assert caught.value.store == "prod"
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


@each(
    ("answer", "kind", "open_write"),
    [
        (status(400, "canary"), StorageError, False),
        (status(401), LoginFailed, False),
        (status(403, 'secrets is forbidden: User "canary" cannot get resource'), AccessDenied, False),
        (status(403, 'User "system:anonymous" cannot get resource'), LoginFailed, False),
        (status(403, "exceeded quota: canary"), StorageFull, False),
        (status(403, "admission webhook denied: canary"), AccessDenied, False),
        (status(404, "canary", kind="namespaces"), StorageError, False),
        (status(413), TooLarge, False),
        (status(422, "canary"), InvalidInput, False),
        (status(429), Unavailable, False),
        (status(500), Unavailable, True),
        (status(502), Unavailable, True),
        (status(503), Unavailable, False),
        (status(504), Unavailable, True),
        (status(599), Unavailable, True),
        (Answer(302, b"", {"Location": "http://127.0.0.1:1/canary"}), StorageError, False),
        (Answer(200, b"<html>canary</html>"), StorageError, True),
        (Answer(200, b"[]"), StorageError, True),
        (Answer(200, {}), StorageError, True),
        (Answer(204), StorageError, True),
        (Answer(200, {"kind": "ConfigMap", "metadata": {"name": "nebula-a"}}), StorageError, True),
        (Answer(404, b"<html>canary</html>"), StorageError, False),
        (Answer(404, {}), StorageError, False),
        (status(404, "canary"), StorageError, False),
        (status(404, "canary", kind="secrets", name="canary"), StorageError, False),
        (Answer(403, b"<html>canary</html>"), StorageError, False),
        (Answer(409, {}), StorageError, False),
        (Answer(410, {}), StorageError, False),
        (Answer(502, b"<html>canary</html>"), Unavailable, True),
    ],
)
def test_each_status_has_its_class(answer, kind, open_write):
    """And whether a write may have happened is told; of a read that is no question."""
    assert failure(answer).__class__ is kind
    assert not failure(answer).outcome_unknown
    assert failure(answer, "create").outcome_unknown is open_write


@each("answer", [Answer(404, b"<html>canary</html>"), Answer(404, {}), Answer(200, {}), status(404), status(404, kind="secrets", name="b")])
def test_only_the_server_itself_says_that_a_secret_is_missing(answer):
    """Else a wrong path, or a proxy in front of the server, would make every credential take its default."""
    with scripted.running(lambda _request: answer) as server:
        for work in (lambda store: store.get("a"), lambda store: store.read_store_document(), lambda store: list(store.list())):
            with pytest.raises(StorageError) as caught:
                work(backend(host=server.url))
            assert (caught.value.code, server.url in str(caught.value)) == ("storage", True)


def test_a_secret_that_the_server_says_is_missing_is_not_found():
    with scripted.running(missing) as server, pytest.raises(NotFound):
        backend(host=server.url).get("a")


@each(("header", "seconds"), [("7", 7.0), ("99999", 3600.0), ("soon", None), ("-1", None), (None, None)])
def test_the_seconds_that_a_server_asks_to_wait_are_told(header, seconds):
    headers = {} if header is None else {"Retry-After": header}
    error = failure(Answer(429, {}, headers))
    assert (error.retry_after, error.throttled) == (seconds, True)
    assert not failure(Answer(503, {}, headers)).throttled


def test_throttling_is_waited_out_within_the_time_limit():
    """Also where a gateway throttles."""
    answers = [status(429), Answer(429, b"<html>"), status(429)]
    with scripted.running(lambda request: answers.pop() if answers else missing(request)) as server:
        options = {"backend": "kubernetes", "host": server.url, "encrypt": False, "audit": "off", "max_retries": 10, "read_timeout": 60}
        manager = open_store(options, name="prod", warn=lambda _message: None)
        with manager.acting(), pytest.raises(NotFound):
            manager.backend.get("a")
        assert len(server.asked) == 5  # the Secret that is missing is followed by a look at the namespace


def test_an_invalid_secret_is_told_by_its_fields_alone():
    """The cause's own text may quote a value."""
    causes = [{"field": "data[a b]", "message": "canary"}, {"field": "metadata.name", "message": "canary"}]
    error = failure(status(422, "canary", causes=causes), "update")
    assert "(metadata.name)" in str(error)


def test_a_denial_names_verb_resource_namespace_and_role():
    error = failure(status(403, "User cannot create resource"), "create")
    for part in ("'create' secrets", "namespace 'default'", "docs/policies/kubernetes-role.yaml", "--verb=create"):
        assert part in str(error)


def test_a_request_carries_the_login_and_follows_no_redirect():
    with scripted.running(lambda _request: Answer(307, b"", {"Location": "/elsewhere"})) as server:
        with pytest.raises(StorageError):
            connected(server, namespace="apps").request("get", "nebula-a")
        (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/api/v1/namespaces/apps/secrets/nebula-a")
    assert asked.headers["authorization"] == "Bearer " + TOKEN


def test_nothing_is_repeated_by_itself():
    with scripted.running(lambda _request: status(503)) as server:
        with pytest.raises(Unavailable):
            connected(server).request("get", "nebula-a")
        assert len(server.asked) == 1


@each("token", ["a\nb", "ü", "a\x00"])
def test_a_login_that_no_header_can_hold_is_not_quoted(token):
    with scripted.running() as server, pytest.raises(LoginFailed) as caught:
        connected(server, api_key="canary" + token).request("get", "nebula-a")
    assert "canary" not in repr(caught.value)


def test_a_server_that_nobody_runs_is_unavailable():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        unused = backend(host="https://127.0.0.1:{0}".format(bound.getsockname()[1]))
        with pytest.raises(Unavailable) as caught:
            unused.get("a")
        assert "nothing listens there" in str(caught.value)
        assert unused.health().status == UNHEALTHY
    with pytest.raises(Unavailable) as caught:
        backend(host="https://nowhere.invalid:6443").get("a")
    assert "its name cannot be resolved" in str(caught.value)


def test_a_server_that_speaks_no_tls_is_told_as_such():
    with scripted.running() as server, pytest.raises((StorageError, Unavailable)) as caught:
        backend(host=server.url.replace("http://", "https://")).get("a")
    assert not isinstance(caught.value, Timeout)


def test_a_server_that_drips_keeps_to_the_deadline():
    """Each byte comes in time, and all of them do not."""
    body = {"kind": "Secret", "metadata": {"name": "nebula-a"}}
    dripping = scripted.running(lambda _request: Answer(200, body, drips=0.05))
    with dripping as server, deadline.within(0.4, "get"), pytest.raises(Timeout):
        connected(server).request("get", "nebula-a")


def test_an_operation_whose_time_is_over_asks_nothing():
    with scripted.running() as server:
        with deadline.within(0, "get"), pytest.raises(Timeout):
            connected(server).request("get", "nebula-a")
        assert server.asked == []


def test_a_login_that_was_refused_is_read_again():
    """A kubeconfig's token may have been renewed in the meantime."""
    with scripted.running(lambda _request: status(401)) as server:
        connection = connected(server)
        for _round in range(2):
            with pytest.raises(LoginFailed):
                connection.request("get", "nebula-a")
            assert not connection._client.is_open


def test_a_forked_process_opens_connections_of_its_own():
    with scripted.running(lambda _request: SECRET) as server:
        connection = connected(server)
        connection.request("get", "nebula-a")
        mine = connection._client.get()
        child = os.fork()
        if not child:
            os._exit(0 if connection._client.get() is not mine else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert connection._client.get() is mine
        connection.close()
        connection.close()


def test_threads_share_one_client():
    with scripted.running(lambda _request: SECRET) as server:
        connection, clients = connected(server), []
        threads = [threading.Thread(target=lambda: clients.append(connection._client.get())) for _each in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(set(map(id, clients))) == 1


def rows(*names):
    return [{"cells": [name, "Opaque"], "object": {"metadata": {"name": name}}} for name in names]


def table(names, onward=""):
    columns = [{"name": "Name"}, {"name": "Type"}]
    return Answer(200, {"kind": "Table", "metadata": {"continue": onward}, "columnDefinitions": columns, "rows": rows(*names)})


def test_a_listing_that_expires_begins_again_without_what_was_told():
    """410 is what an API server answers to a token for the next page that is too old."""
    pages = [table(["nebula-a", "nebula-b"], "old"), status(410), table(["nebula-a", "nebula-b"], "new"), table(["nebula-c", "other"])]
    with scripted.running(lambda _request: pages.pop(0)) as server:
        listed = [record.name for record in backend(host=server.url).list(Filter(names_only=True))]
        asked = [request.path for request in server.asked]
    assert listed == ["a", "b", "c"]
    assert ["continue=" in path for path in asked] == [False, True, False, True]
    assert all("limit=500" in path for path in asked)


def test_a_listing_that_always_expires_ends():
    expiring = scripted.running(lambda request: status(410) if "continue" in request.path else table(["nebula-a"], "x"))
    with expiring as server, pytest.raises(StorageError):
        list(backend(host=server.url).list(Filter(names_only=True)))


@each(
    ("options", "option"),
    [
        ({"host": "kubernetes.example.com"}, "host"),
        ({"host": "https://"}, "host"),
        ({"host": "https://user:pw@k.example.com"}, "host"),
        ({"host": "http://k.example.com"}, "host"),
        ({"host": "https://k.example.com:99999"}, "host"),
        ({"host": "https://k.example.com", "context": "a"}, "context"),
        ({"host": "https://k.example.com", "kubeconfig": "/absent"}, "kubeconfig"),
        ({"kubeconfig": "/absent/config"}, "kubeconfig"),
        ({"api_key": "x"}, "api_key"),
        ({"client_cert": "/absent"}, "client_cert"),
        ({"host": "https://k.example.com", "client_key": "/absent"}, "client_key"),
        ({"host": "https://k.example.com", "ca_cert": "/absent"}, "ca_cert"),
        ({"host": "https://k.example.com", "namespace": "Not_One"}, "namespace"),
        ({"host": "https://k.example.com", "prefix": "Not_One"}, "prefix"),
        ({"host": "https://k.example.com", "label_selector": "a\nb"}, "label_selector"),
        ({"host": "https://k.example.com", "keep_versions": -1}, "keep_versions"),
    ],
)
def test_a_wrong_option_is_told_by_its_name_before_any_network(options, option):
    with pytest.raises(InvalidConfiguration) as caught:
        backend(**options)
    assert caught.value.option == option
    assert "pw" not in str(caught.value)


def test_plain_http_is_for_this_machine_or_those_who_write_it_out():
    for host in ("http://127.0.0.1:8001", "http://localhost:8001", "http://[::1]:8001"):
        backend(host=host)
    backend(host="http://k.example.com", allow_insecure_transport=True)


def test_without_any_way_in_that_is_said(monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(InvalidConfiguration) as caught:
        backend().get("a")
    assert "there is no kubeconfig, and this is not a pod" in str(caught.value)


@each("content", ["", "{", "[]", "apiVersion: v1\nkind: Config\n", "contexts: [{name: a, context: {cluster: none}}]\ncurrent-context: a\n"])
def test_a_kubeconfig_that_cannot_be_used_is_told(tmp_path, content):
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(InvalidConfiguration) as caught:
        backend(kubeconfig=str(path)).get("a")
    assert caught.value.option in ("kubeconfig", "context")
    assert caught.value.__cause__ is None


def test_a_ca_that_is_none_is_told(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("canary")
    with pytest.raises(InvalidConfiguration) as caught:
        backend(host="https://127.0.0.1:1", ca_cert=str(path)).get("a")
    assert caught.value.option == "ca_cert"


def test_without_the_client_the_install_line_is_told(monkeypatch):
    monkeypatch.setattr(login, "client", None)
    with pytest.raises(MissingLibrary) as caught:
        backend(host="https://127.0.0.1:1").get("a")
    assert "pip install 'kubernetes >= 28.1'" in str(caught.value)


def test_the_client_is_imported_where_a_store_is_opened_and_its_models_never():
    """The registry names every backend, so a store elsewhere must not pay for this one."""
    script = (
        "import sys\n"
        "from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext\n"
        "from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class\n"
        "store = backend_class('kubernetes')({'host': 'http://127.0.0.1:1', 'encrypt': False}, BackendContext('prod'))\n"
        "before = sorted(name for name in sys.modules if name.split('.')[0] in ('kubernetes', 'urllib3', 'requests'))\n"
        "store.connect()\n"
        "store.health()\n"
        "after = sorted(name for name in sys.modules if 'kubernetes.client.models.v1' in name or name.endswith('core_v1_api'))\n"
        "print(before, after)\n"
    )
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"
