# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kubeconfig means what it means to kubectl, and nothing that it says is ignored. Real clusters: tests/integration."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.backend import Kubernetes
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    LoginFailed,
    NotFound,
)
from tests.servers import scripted
from tests.servers.scripted import Answer

each = pytest.mark.parametrize


@pytest.fixture
def server():
    """Every Secret is missing there, and every namespace exists."""
    with scripted.running(missing) as made:
        yield made


def missing(request):
    if "/secrets/" not in request.path:
        return Answer(200, {"kind": "Namespace", "metadata": {}})
    name = request.path.rpartition("/")[2]
    return Answer(404, {"kind": "Status", "code": 404, "details": {"kind": "secrets", "name": name}})


def reads(server):
    """The paths of the Secrets that were requested."""
    return [request.path for request in server.asked if "/secrets/" in request.path]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch.setenv


def config(server, user, current="test", **cluster):
    return {
        "current-context": current,
        "clusters": [{"name": "test", "cluster": dict({"server": server.url}, **cluster)}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "apps"}}],
    }


def written(path, content):
    Path(path).write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def ask(**settings):
    with pytest.raises(NotFound):
        Kubernetes(dict({"encrypt": False}, **settings), BackendContext("prod")).get("a")


def fails(**settings):
    with pytest.raises(CredentialError) as caught:
        Kubernetes(dict({"encrypt": False}, **settings), BackendContext("prod")).get("a")
    assert caught.value.__cause__ is None
    return caught.value


@each("current", [None, "", "stale"])
def test_a_context_that_is_given_needs_no_current_one(server, tmp_path, current):
    ask(kubeconfig=written(tmp_path / "config", config(server, {"token": "t"}, current)), context="test")
    assert server.asked[0].path == "/api/v1/namespaces/apps/secrets/nebula-a"


@each(("current", "says"), [(None, "has no current context"), ("", "has no current context"), ("stale", "has no context 'stale'")])
def test_without_one_the_current_one_has_to_exist(server, tmp_path, current, says):
    error = fails(kubeconfig=written(tmp_path / "config", config(server, {"token": "t"}, current)))
    assert isinstance(error, InvalidConfiguration)
    assert (error.option, says in str(error), "It has: test" in str(error)) == ("context", True, True)


@each("content", ["of-the-file", "of-the-file\n", " of-the-file\r\n\n"])
@each("beside", [{}, {"token": "stale"}])
def test_the_file_of_a_token_takes_precedence_and_may_end_in_a_newline(server, tmp_path, content, beside):
    (tmp_path / "token").write_text(content)
    ask(kubeconfig=written(tmp_path / "config", config(server, {"tokenFile": "token", **beside})))
    assert server.asked[0].headers["authorization"] == "Bearer of-the-file"


@each("content", [None, "", "\n"])
def test_a_token_takes_the_place_of_a_file_that_holds_none(server, tmp_path, content):
    if content is not None:
        (tmp_path / "token").write_text(content)
    path = written(tmp_path / "config", config(server, {"tokenFile": "token", "token": "t"}))
    ask(kubeconfig=path)
    assert server.asked[0].headers["authorization"] == "Bearer t"
    written(path, config(server, {"tokenFile": "token"}))
    assert isinstance(fails(kubeconfig=path), LoginFailed)


def test_several_files_are_merged_and_the_first_one_wins(server, tmp_path, environment):
    empty, absent = written(tmp_path / "empty", ""), str(tmp_path / "absent")
    first = written(tmp_path / "first", {"current-context": "test", "users": [{"name": "test", "user": {"token": "first"}}]})
    second = written(tmp_path / "second", config(server, {"token": "second"}, "another"))
    environment("KUBECONFIG", os.pathsep.join((empty, absent, first, "", second)))
    ask()
    assert server.asked[0].headers["authorization"] == "Bearer first"


def test_paths_are_relative_to_the_file_that_names_them(server, tmp_path, environment):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "token").write_text("t")
    environment("KUBECONFIG", written(tmp_path / "below" / "config", config(server, {"tokenFile": "token"})))
    ask()


def test_impersonation_is_sent_with_every_request(server, tmp_path):
    user = {
        "token": "t",
        "as": "jane",
        "as-uid": "06f6",
        "as-groups": ["developers", "gäste"],
        "as-user-extra": {"example.com/Team": ["a", "b"], "plain": ["c"]},
    }
    headers = []
    server.script = lambda request: headers.append(request.all_headers) or missing(request)
    path = written(tmp_path / "config", config(server, user))
    ask(kubeconfig=path)
    assert [header for header in headers[0] if header[0].startswith("Impersonate-")] == [
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "06f6"),
        ("Impersonate-Group", "developers"),
        ("Impersonate-Group", "gäste".encode().decode("latin-1")),
        ("Impersonate-Extra-example.com%2FTeam", "a"),
        ("Impersonate-Extra-example.com%2FTeam", "b"),
        ("Impersonate-Extra-plain", "c"),
    ]


@each(
    ("user", "says"),
    [
        ({"token": "t", "as-groups": ["a"]}, "without a user"),
        ({"token": "t", "as-uid": "1"}, "without a user"),
        ({"token": "t", "as": "jane", "as-groups": "a"}, "impersonation"),
        ({"token": "t", "as": "jane\r\nX: y"}, "impersonation"),
        ({"token": "t", "as": "jane", "as-user-extra": ["a"]}, "impersonation"),
        ({"token": "t", "as-scopes": ["a"]}, "'as-scopes'"),
        ({"auth-provider": {"name": "azure", "config": {}}}, "'azure'"),
        ({"exec": {"apiVersion": "v1", "command": "true", "interactiveMode": "Always"}}, "interactiveMode"),
        ({"exec": {"apiVersion": "v1", "command": "true", "timeout": 3}}, "'timeout'"),
        ({"token": "t", "username": "u", "password": "p"}, "more than one login"),
        ({"exec": {"apiVersion": "v1", "command": "true"}, "auth-provider": {"name": "oidc"}}, "more than one login"),
    ],
)
def test_what_is_not_followed_is_refused_by_name(server, tmp_path, user, says):
    error = fails(kubeconfig=written(tmp_path / "config", config(server, user)))
    assert isinstance(error, InvalidConfiguration)
    assert says in str(error)
    assert server.asked == []


def test_an_unknown_setting_of_a_cluster_or_a_context_is_refused_too(server, tmp_path):
    assert "'server-side'" in str(fails(kubeconfig=written(tmp_path / "one", config(server, {"token": "t"}, **{"server-side": True}))))
    content = config(server, {"token": "t"})
    content["contexts"][0]["context"]["role"] = "reader"
    assert "'role'" in str(fails(kubeconfig=written(tmp_path / "two", content)))


def test_what_other_tools_note_and_what_is_empty_is_no_hindrance(server, tmp_path):
    user = {"token": "t", "exec": None, "username": "", "as-groups": [], "extensions": [{"name": "a", "extension": {}}]}
    ask(kubeconfig=written(tmp_path / "config", config(server, user, extensions=[], **{"disable-compression": True})))


@each("refusal", [Answer(401, {"kind": "Status", "code": 401}), Answer(401, b"<html>")])
def test_a_token_that_was_renewed_is_read_again_and_the_request_repeated_once(server, tmp_path, refusal):
    """The token in the kubeconfig itself, which a renewal writes anew."""
    path = written(tmp_path / "config", config(server, {"token": "old"}))

    def script(request):
        if request.headers["authorization"] == "Bearer new":
            return missing(request)
        written(path, config(server, {"token": "new"}))
        return refusal

    server.script = script
    ask(kubeconfig=path)
    assert len(reads(server)) == 2


def test_a_login_program_is_run_again_when_its_token_is_refused(server, tmp_path):
    """A token that the server ended before its time."""
    program = tmp_path / "login"
    program.write_text(
        "#!{0}\nimport json\nfrom pathlib import Path\nruns = Path({1!r})\nruns.write_text(runs.read_text() + '.')\n"
        "status = {{'token': 'token-' + str(len(runs.read_text()))}}\n"
        "print(json.dumps({{'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', 'status': status}}))\n".format(
            sys.executable, str(tmp_path / "runs")
        )
    )
    program.chmod(0o700)
    (tmp_path / "runs").write_text("")
    # Relative to the file, as with kubectl.
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login", "interactiveMode": "Never"}}
    valid = "token-2"
    server.script = lambda request: missing(request) if request.headers["authorization"] == "Bearer " + valid else Answer(401)
    backend = Kubernetes(
        {"encrypt": False, "kubeconfig": written(tmp_path / "config", config(server, user))},
        BackendContext("prod"),
    )
    with pytest.raises(NotFound):
        backend.get("a")
    assert (tmp_path / "runs").read_text() == ".."
    valid = "none"
    with pytest.raises(LoginFailed):
        backend.get("a")
    assert (tmp_path / "runs").read_text() == "..."
    assert len(reads(server)) == 4


def test_a_token_of_the_options_is_sent_once(server):
    """It can be no other, so the request is not repeated."""
    server.script = lambda _request: Answer(401)
    assert isinstance(fails(host=server.url, api_key="t"), LoginFailed)
    assert len(server.asked) == 1
