# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential plugin of AWX, from its wheel alone: found by its entry point, made by AWX's own class, reading real stores."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import CHECKOUT
from tests.house.source import SourceTree
from tests.integration.test_added_backend import build
from tests.servers import databases, once

# What AWX does: the class from its entry point, the inputs and the metadata as keywords, of an error the class alone.
CALL = """
import importlib.metadata, json, sys
from awx_plugins.credentials.plugin import CredentialPlugin
(entry,) = [each for each in importlib.metadata.entry_points(group="awx_plugins.credentials") if each.name == "nebula"]
plugin = entry.load()
assert isinstance(plugin, CredentialPlugin)
try:
    print(json.dumps({"value": plugin.backend(**json.load(sys.stdin))}))
except Exception as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error), "cause": str(error.__cause__)}))
"""

FEDERATION = json.dumps(
    {
        "type": "external_account",
        "audience": "a",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://example.com",
        "credential_source": {"file": "/etc/tower/SECRET_KEY"},
    }
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of packages with the distribution, built by pip from a copy."""
    place = tmp_path_factory.mktemp("awx-plugin")
    for source in SourceTree(CHECKOUT).listed:
        if source.name.startswith(("plugins/", "extras/awx_plugin/")):
            (place / source.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source.path, place / source.name)
    build(place / "extras" / "awx_plugin", place / "wheels")
    (wheel,) = (place / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "site")
    return place / "site"


@pytest.fixture
def read(site: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Calls the plugin in a process of its own, which sees the distribution and not the checkout."""

    def call(store: Any, environment: dict[str, str] | None = None, **given: str) -> dict[str, Any]:
        inputs = {"store": store if isinstance(store, str) else yaml.safe_dump(store), "field": "", "version": "", **given}
        around = {**os.environ, "PYTHONPATH": str(site), **(environment or {})}
        command = [sys.executable, "-c", CALL]
        done = subprocess.run(command, input=json.dumps(inputs), cwd=tmp_path, env=around, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer.get("cause", "None") == "None"
        return answer

    return call


@pytest.fixture(scope="module")
def vault() -> dict[str, Any]:
    """A store in OpenBao with two versions of a credential."""
    server = once.openbao()
    store = {
        "backend": "vault",
        "url": server.url,
        "prefix": "awx-" + secrets.token_hex(4),
        "auth": {"method": "token", "token": server.root_token},
    }
    manager = open_store({**store, "audit": "off"})
    manager.create(DesiredCredential("db_pass", type="basic", fields={"username": Secret("app"), "password": Secret("first")}))
    manager.ensure(DesiredCredential("db_pass", fields={"password": Secret("second")}))
    manager.close()
    return store


def test_it_reads_a_value_a_field_and_a_version(read: Any, vault: Any) -> None:
    assert read(vault, name="db_pass") == {"value": "second"}
    assert read(vault, name="db_pass", field="username") == {"value": "app"}
    assert read(vault, name="db_pass", version="1") == {"value": "first"}


def test_an_encrypted_store_opens_by_its_passphrase(read: Any, postgresql: Any, prefix: str) -> None:
    store = {"backend": "database", **databases.options(postgresql, prefix)}
    sources = [{"source": "passphrase", "passphrase": "correct horse battery staple"}]
    manager = open_store({**store, "audit": "off", "key_sources": sources})
    manager.create(DesiredCredential("db_pass", type="basic", value=Secret("s3cret")))
    manager.close()
    around = {"VAULT_TOKEN": "canary"}
    assert read(store, around, name="db_pass", passphrase="correct horse battery staple") == {"value": "s3cret"}
    assert read(store, name="db_pass", passphrase="wrong horse battery staple")["error"] == "WrongPassphrase"


def test_the_class_of_an_error_says_what_is_wrong_and_its_text_holds_no_secret(read: Any, vault: Any) -> None:
    assert read(vault, name="db_psas")["error"] == "NotFound"
    assert read(vault, name="db_pass", field="pasword")["error"] == "NoToken"
    assert read("backend: [", name="db_pass")["error"] == "InvalidConfiguration"
    assert read({"backend": "valt"}, name="db_pass")["error"] == "InvalidConfiguration"
    refused = read({**vault, "auth": {"method": "token", "token": "hvs.canary-token"}}, name="db_pass")
    assert refused["error"] in ("AccessDenied", "LoginFailed")
    assert "canary" not in refused["message"]
    assert read({**vault, "url": "http://127.0.0.1:9", "max_retries": 0}, name="db_pass")["error"] == "Unavailable"


@pytest.mark.parametrize(
    "store",
    [
        {"backend": "local"},
        {"backend": "local", "path": "/etc/tower"},
        {"backend": "database", "url": "sqlite:////var/lib/awx/x.db"},
        {"backend": "vault", "url": "https://example.com", "auth": {"method": "token", "token_file": "/etc/tower/SECRET_KEY"}},
        {"backend": "vault", "url": "https://example.com", "auth": {"method": "token", "token_env": "HOME"}},
        {"backend": "vault", "url": "https://example.com", "cacert": "/etc/tower/SECRET_KEY", "auth": {"method": "token", "token": "x"}},
        {"backend": "memory", "key_sources": [{"source": "passphrase", "passphrase_file": "/etc/tower/SECRET_KEY"}]},
        {"backend": "memory", "key_sources": [{"source": "keyring"}]},
        {"backend": "memory", "key_sources": [{"source": "pkcs11", "library": "/usr/lib/any.so", "token": "t", "key": "k"}]},
        {"backend": "memory", "key_sources": [{"source": "age", "identity_file": "/etc/tower/SECRET_KEY"}]},
        {"backend": "custom", "read": ["cat", "/etc/tower/SECRET_KEY"]},
        {
            "backend": "vault",
            "url": "https://example.com",
            "auth": {"method": "token", "token": "x"},
            "refreshes": {"token": {"command": ["cat", "/etc/tower/SECRET_KEY"]}},
        },
        {"backend": "local", "path": None},
        {"backend": "database", "url": " sqlite:////var/lib/awx/x.db"},
        {"backend": "database", "url": "sql\tite:////var/lib/awx/x.db"},
        {"backend": "database", "url": "postgresql:///awx?host=%2Fvar/run/postgresql"},
        {"backend": "database", "url": "postgresql:///awx", "login_host": "/var/run/postgresql"},
        {"backend": "gcp", "project": "shop", "credentials": FEDERATION},
        {"backend": "gcp", "project": "shop", "credentials": FEDERATION.replace("_source", "_\\u0073ource")},
        {"backend": "aws", "mfa_credential": {"name": "mfa", "store": {"backend": "custom", "command": ["cat", "/etc/tower/SECRET_KEY"]}}},
        {"backend": "aws", "mfa_credential": {"name": "mfa", "store": {"backend": "local"}}},
        {"backend": "vault", "url": "https://example.com", "refreshes": {"each": {"command": ["cat", "/etc/tower/SECRET_KEY"]}}},
    ],
)
def test_what_is_on_the_machine_of_awx_is_not_read(read: Any, store: Any) -> None:
    answer = read(store, name="db_pass")
    assert answer["error"] == "InvalidConfiguration"
    assert "AWX's own" in answer["message"]


@pytest.mark.parametrize(
    ("variable", "store"),
    [
        ("VAULT_TOKEN", {"backend": "vault", "url": "https://example.com"}),
        (
            "ANSIBLE_HASHI_VAULT_SECRET_ID",
            {"backend": "vault", "url": "https://example.com", "auth": {"method": "approle", "role_id": "x"}},
        ),
        ("PGPASSWORD", {"backend": "database", "url": "postgresql://app@example.com/shop"}),
        ("VAULT_TOKEN", {"backend": "memory", "key_sources": [{"source": "vault_transit", "url": "https://example.com", "key": "x"}]}),
        ("GCP_ACCESS_TOKEN", {"backend": "memory", "key_sources": [{"source": "gcp_kms", "key": "projects/p"}]}),
        ("PGPASSWORD", {"backend": "memory", "lock": {"kind": "postgresql", "url": "postgresql://app@example.com/shop"}}),
        ("AZURE_CLIENT_SECRET", {"backend": "azure", "vault_url": "https://example.com", "auth_method": "client_secret"}),
    ],
)
def test_no_login_in_a_variable_of_awx_is_sent_to_the_server_of_a_store(read: Any, variable: str, store: Any) -> None:
    answer = read(store, {variable: "canary"}, name="db_pass")
    assert answer["error"] == "InvalidConfiguration"
    assert "variable {0} of AWX's own".format(variable) in answer["message"]


def test_a_variable_of_awx_does_not_matter_to_a_store_with_a_login_of_its_own(read: Any, vault: Any) -> None:
    assert read(vault, {"VAULT_TOKEN": "canary", "PGPASSWORD": "canary"}, name="db_pass") == {"value": "second"}


@pytest.mark.parametrize("text", ["backend: memory\ntags: &a [1]\nother: *a\n", "backend: memory\naudit: 'off'\naudit: strict\n"])
def test_a_configuration_holds_no_alias_of_yaml_and_no_option_twice(read: Any, text: str) -> None:
    answer = read(text, name="db_pass")
    assert answer["error"] == "InvalidConfiguration"
    assert "alias of YAML" in answer["message"] or "option twice" in answer["message"]


def test_the_files_of_one_directory_can_be_allowed_and_no_link_leads_out_of_it(read: Any, tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    store = {
        "backend": "local",
        "path": str(tmp_path / "allowed" / "store"),
        "key_sources": [{"source": "passphrase", "passphrase": "x" * 20}],
    }
    manager = open_store({**store, "audit": "off"})
    manager.create(DesiredCredential("db_pass", type="basic", value=Secret("s3cret")))
    manager.close()
    around = {"NEBULA_CREDENTIAL_AWX_FILES": str(tmp_path / "allowed")}
    assert read(store, around, name="db_pass") == {"value": "s3cret"}
    (tmp_path / "allowed" / "link").symlink_to(tmp_path)
    outside = {**store, "path": str(tmp_path / "allowed" / "link" / "store")}
    assert read(outside, around, name="db_pass")["error"] == "InvalidConfiguration"
