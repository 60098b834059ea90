# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credential helpers of Docker and Git: read, never written, and refused where they would change a value silently."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.backend import Custom
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidConfiguration,
    InvalidToken,
    NotFound,
    ReadOnly,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT, PENDING
from tests.conformance.records import a_record
from tests.conftest import CHECKOUT, cannot_run
from tests.unit.backends.custom.commands import open_custom, write_command

CANARY = "kV7-canary-9pQ"
DOCKER = """
import json, sys
logins = {0!r}
given = sys.stdin.read().strip()
if sys.argv[1] == "list":
    print(json.dumps({{address: user for address, (user, _secret) in logins.items()}}))
elif sys.argv[1:] == ["get"] and given in logins:
    print(json.dumps({{"ServerURL": given, "Username": logins[given][0], "Secret": logins[given][1]}}))
else:
    print("credentials not found in native keychain")
    sys.exit(1)
"""
"""What the helpers of github.com/docker/docker-credential-helpers write."""


def docker(directory: Path, logins: Any, **options: Any) -> Backend:
    return open_custom(write_command(directory, DOCKER.format(logins)), protocol="docker", **options)


def values_of(backend: Backend, name: str) -> Any:
    return {key: value.expose().decode() for key, value in backend.get(name).fields.items()}


def test_a_login_of_docker_is_read_by_its_address(tmp_path: Path) -> None:
    backend = docker(tmp_path, {"registry.example.com": ("app", "pä=ss")})
    assert values_of(backend, "registry.example.com") == {"username": "app", "password": "pä=ss"}
    with pytest.raises(NotFound):
        backend.get("other.example.com")
    with pytest.raises(NotFound):
        backend.get("registry.example.com", stage=PENDING)
    assert set(backend.get_many(["registry.example.com", "other.example.com"])) == {"registry.example.com"}


def test_an_address_that_is_no_name_is_built_from_one(tmp_path: Path) -> None:
    logins = {"https://index.docker.io/v1/": ("app", "pw"), "https://quay.io/": ("app", "pw"), "plain.example.com": ("app", "pw")}
    backend = docker(tmp_path, logins, address="https://{name}/")
    assert values_of(backend, "index.docker.io/v1")["password"] == "pw"
    assert sorted(row.name for row in backend.list()) == ["index.docker.io/v1", "quay.io"]
    assert [row.name for row in backend.list(Filter(prefix="quay", names_only=True))] == ["quay.io"]


def test_an_identity_token_has_a_field_of_its_own(tmp_path: Path) -> None:
    backend = docker(tmp_path, {"r.example.com": ("<token>", "t0k")})
    assert values_of(backend, "r.example.com") == {"username": "<token>", "identity_token": "t0k"}


def test_a_login_without_user_and_secret_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        docker(tmp_path, {"r.example.com": ("", "")}).get("r.example.com")


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Docker's own helper for pass, with a store of pass."""
    helper = shutil.which("docker-credential-pass", path=os.pathsep.join((os.environ["PATH"], str(CHECKOUT / ".cache/servers"))))
    if helper is None or shutil.which("pass") is None:
        cannot_run("docker-credential-pass or pass is not installed")
    # The path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="nebula-gpg-", dir="/tmp") as home:
        monkeypatch.setenv("GNUPGHOME", home)
        monkeypatch.setenv("PASSWORD_STORE_DIR", home + "/store")
        user = "nebula@example.com"
        new_key = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key", user, "default", "default", "never"]
        for command in (new_key, ["pass", "init", user]):
            subprocess.run(command, capture_output=True, check=True)
        yield str(helper)
        subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)


def test_a_login_that_dockers_own_helper_for_pass_keeps_is_read_and_listed(passing: str) -> None:
    login = {"ServerURL": "https://r.example.com/", "Username": "app", "Secret": "p=w é"}
    subprocess.run([passing, "store"], input=json.dumps(login), text=True, capture_output=True, check=True)
    given = ["GNUPGHOME", "PASSWORD_STORE_DIR"]
    backend = open_custom([passing], protocol="docker", address="https://{name}/", environment=given)
    assert values_of(backend, "r.example.com") == {"username": "app", "password": "p=w é"}
    assert [row.name for row in backend.list()] == ["r.example.com"]
    with pytest.raises(NotFound):
        backend.get("other.example.com")


@pytest.mark.parametrize("secret", ["two\nlines", "carriage\rreturn", "zero\0byte", "x" * 65536])
def test_what_a_helper_of_docker_does_not_carry_whole_is_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        docker(tmp_path, {"r.example.com": ("app", secret)}).get("r.example.com")
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        "print('[]')",
        "print('{}')",
        'print(\'{"Username": 1, "Secret": "s"}\')',
        'print(\'{"ServerURL": "other", "Username": "u", "Secret": "s"}\')',
        "print('credentials not found in native keychain')",
        "print('{0}'); raise SystemExit(1)".format(CANARY),
        'print(\'{"Username": "u", "Sec\')',
    ],
)
def test_another_answer_is_unavailable_and_not_shown(tmp_path: Path, code: str) -> None:
    command = write_command(tmp_path, code)
    with pytest.raises(Unavailable) as caught:
        open_custom(command, protocol="docker").get("r.example.com")
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("protocol", ["docker", "git"])
def test_a_write_is_refused_before_anything_runs(tmp_path: Path, protocol: str) -> None:
    command = write_command(tmp_path, "open({0!r}, 'w').close()".format(str(tmp_path / "ran")))
    backend = open_custom(command, protocol=protocol)
    writes: List[Any] = [
        lambda: backend.put(a_record("r.example.com"), ABSENT, create=True),
        lambda: backend.patch_metadata(a_record("r.example.com"), 0),
        lambda: backend.delete("r.example.com"),
        lambda: backend.write_store_document(b"x", None),
    ]
    for write in writes:
        with pytest.raises(ReadOnly):
            write()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("protocol", ["docker", "git"])
@pytest.mark.parametrize("option", [{"options": {"a": 1}}, {"secret": "s"}, {"secret_env": "S"}, {"keep_versions": 3}])
def test_options_of_our_own_protocol_are_refused(protocol: str, option: Any) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        Custom({"command": ["true"], "protocol": protocol, **option}, BackendContext("prod"))
    assert caught.value.option in option


@pytest.mark.parametrize(
    ("protocol", "address"),
    [("docker", "https://r.example.com"), ("git", "{name}"), ("git", "https://u:pw@{name}"), ("git", "https://{name}{name}")],
)
def test_an_address_that_cannot_be_one_is_refused(protocol: str, address: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        Custom({"command": ["true"], "protocol": protocol, "address": address}, BackendContext("prod"))
    assert caught.value.option == "address"
    assert "pw" not in str(caught.value)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """The command of git's own helper, with two logins in its file."""
    git = shutil.which("git")
    if git is None:
        cannot_run("git is not installed")
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "logins"
    file.write_text("https://app:p%3Dw%20x@git.example.com\nhttps://app:deep@git.example.com%2fteam\n")
    (tmp_path / ".gitconfig").write_text('[credential]\n    helper = "store --file {0}"\n'.format(file))
    return [str(git), "credential-store", "--file", str(file)]


def test_a_login_of_git_is_read_from_one_helper_or_by_way_of_all_that_git_has(stored: List[str]) -> None:
    for command in ([*stored, "get"], [stored[0], "credential", "fill"]):
        backend = open_custom(command, protocol="git")
        assert values_of(backend, "git.example.com") == {"username": "app", "password": "p=w x"}
        with pytest.raises(NotFound):
            backend.get("other.example.com")


def test_git_never_prompts(stored: List[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    askpass = tmp_path / "askpass"
    askpass.write_text("#!/bin/sh\ntouch '{0}'\necho prompted\n".format(asked))
    askpass.chmod(0o700)
    for variable in ("GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.setenv(variable, str(askpass))
    backend = open_custom([stored[0], "credential", "fill"], protocol="git", environment=["GIT_ASKPASS", "SSH_ASKPASS"])
    with pytest.raises(NotFound):
        backend.get("other.example.com")
    assert not asked.exists()


def test_the_user_of_an_address_is_looked_up_too(stored: List[str]) -> None:
    with pytest.raises(NotFound):
        open_custom([*stored, "get"], protocol="git", address="https://other@{name}").get("git.example.com")
    assert open_custom([*stored, "get"], protocol="git", address="https://app@{name}").get("git.example.com").version == "current"


def test_expiry_and_refresh_token_are_read(tmp_path: Path) -> None:
    code = "print('username=u\\npassword=p\\npassword_expiry_utc=1790000000\\noauth_refresh_token=r\\nauthtype=x')"
    found = open_custom(write_command(tmp_path, code), protocol="git").get("git.example.com")
    assert {key: value.expose() for key, value in found.fields.items()} == {"username": b"u", "password": b"p", "refresh_token": b"r"}
    assert found.full_metadata.expires_at == datetime.fromtimestamp(1790000000, timezone.utc)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("", NotFound),
        ("print('quit=1')", NotFound),
        ("print('username=u')", NotFound),
        ("print('no attribute')", Unavailable),
        ("print('password=a\\0b')", Unavailable),
        ("print('password=' + 'x' * 65536)", InvalidToken),
        ("import sys; sys.stderr.write('{0}'); sys.exit(1)".format(CANARY), Unavailable),
    ],
)
def test_silence_is_a_missing_login_and_anything_else_is_not(tmp_path: Path, code: str, kind: Any) -> None:
    command = write_command(tmp_path, code)
    with pytest.raises(kind) as caught:
        open_custom(command, protocol="git").get("git.example.com")
    assert CANARY not in str(caught.value)


def test_a_helper_that_lists_nothing_says_so(stored: List[str]) -> None:
    with pytest.raises(StorageError, match="lists nothing"):
        open_custom([*stored, "get"], protocol="git").list()
