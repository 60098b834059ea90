# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend vault: a real OpenBao, each store below a prefix of its own."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from tests.backends.harness import Bare, Choice, Example, Harness, Options, Place, StoreKind, Watched, encrypting, locking
from tests.bench.session_runs import CALLBACK, Way, debug, our_lookup
from tests.servers import once, openbao

SERVER = "openbao"
DOCUMENTED = "https://vault.example.com:8200"
"""The server in the documentation."""


@lru_cache(maxsize=None)  # also so that a forked child does not use its parent's connection to it
def _with_kv1(server: Any) -> Any:
    server.enable("kv", "kv1", options={"version": "1"})
    return server


def _prefix_of(directory: Path) -> str:
    return "stores/" + hashlib.sha256(str(directory).encode()).hexdigest()[:16]


def _options(mount: str = "secret", **options: Any) -> Callable[[Path], Options]:
    def of(directory: Path) -> Options:
        server = _with_kv1(once.server(SERVER))
        return dict(options, url=server.url, auth={"token": server.root_token}, mount=mount, prefix=_prefix_of(directory))

    return of


def _unreachable(secret: str) -> Options:
    return {"url": "http://127.0.0.1:1", "auth": {"method": "token", "token": secret}}


class Client:
    """hvac on KV version 2, below a prefix of its own."""

    def __init__(self, client: Any) -> None:
        """Take a hvac.Client."""
        self._client = client
        self._kv = client.secrets.kv.v2

    def write(self, name: str, value: str) -> object:
        """create_or_update_secret."""
        return self._kv.create_or_update_secret(path="bare/" + name, secret={"username": "app", "password": value})

    def read(self, name: str) -> object:
        """read_secret_version."""
        return self._kv.read_secret_version(path="bare/" + name, raise_on_deleted_version=True)["data"]["data"]

    def list(self) -> object:
        """list_secrets, folder by folder."""
        return [self._kv.list_secrets(path="bare/" + folder) for folder in self._kv.list_secrets(path="bare")["data"]["keys"]]

    def close(self) -> None:
        """Close its connections."""
        self._client.adapter.close()


def _bare(_directory: Path) -> Bare:
    return Client(once.server(SERVER).client())


def _requests(directory: Path) -> int:
    """Count what was asked of this store. Stores of other tests, whose logins are renewed meanwhile, are not it."""
    prefix = _prefix_of(directory)
    return sum(prefix in request["path"] for request in once.server(SERVER).requests("secret/"))


def _watched(_directory: Path) -> Watched:
    """Logged in by AppRole: its secret id, and the token that comes of it, are both secret."""
    server = once.server(SERVER)
    server.enable("approle", "approle", auth=True)
    policy = server.policy("canary", 'path "secret/*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }')
    server.call("POST", "auth/approle/role/canary", {"token_policies": [policy], "token_ttl": "10m"})
    role = server.call("GET", "auth/approle/role/canary/role-id")["data"]["role_id"]
    secret_id = server.call("POST", "auth/approle/role/canary/secret-id", {})["data"]["secret_id"]

    def config(given: str) -> Dict[str, Any]:
        auth = {"method": "approle", "role_id": role, "secret_id": given}
        return {"backend": "vault", "url": server.url, "prefix": "canary-" + secrets.token_hex(4), "auth": auth}

    return Watched(config(secret_id), {"secret id": secret_id}, config, (server.log, server.audit))


def _example(text: str, _directory: Path) -> Optional[Example]:
    """The test's server for that of the page, with a token in the environment and its command line on PATH."""
    if DOCUMENTED not in text:
        return None
    server = once.server(SERVER)
    environment = {"VAULT_TOKEN": server.root_token, "BAO_TOKEN": server.root_token, "BAO_ADDR": server.url}
    addresses = {DOCUMENTED: server.url}
    if 'prefix: ""' in text:  # a store of a whole mount: other tests have theirs in that of the page
        mount = server.enable("kv", "page" + secrets.token_hex(5), options={"version": "2"})
        server.wait_for_mount(mount)
        addresses.update({form.format("secret"): form.format(mount) for form in ("mount: {0}", "mount={0}", "engine_mount_point='{0}'")})
    return Example(environment, openbao.find_program().parent, addresses)


HASHI_VAULT = "community.hashi_vault.vault_kv2_write: {{path: '{0}', data: {{username: app, password: '{1}'}}, {2}}}".format(
    "{{ nebula_bench_prefix }}/w{{ item }}",
    "p4ss {{ 99999 | random }}",
    ", ".join(
        "{0}: '{{{{ ansible_hashi_vault_{0} }}}}'".format(option)
        for option in ("url", "auth_method", "mount_point", "role_id", "secret_id", "engine_mount_point")
    ),
)
"""Its options do not come from variables, as those of the lookup do."""


@contextlib.contextmanager
def _lookups(names: Sequence[str]) -> Iterator[List[Way]]:
    """Ours, ours with the callback, and community.hashi_vault, all logging in by AppRole."""
    from tests.integration.counted import Counted

    once.started(SERVER)
    counted = Counted()
    counted.fill(*names)
    ours = counted.configured()
    asked: Dict[str, Any] = {"logins": counted.logins, "reads": lambda: sum(counted.reads().values()), "start_over": counted.start_over}
    theirs = {**counted.describe_for_hashi_vault(), "nebula_bench_prefix": counted.store.prefix}
    prefix = counted.store.prefix

    def vault_kv2_get(name: str) -> str:
        return debug("lookup('community.hashi_vault.vault_kv2_get', '{0}/{1}')".format(prefix, name))

    yield [
        Way("nebula.credential, OpenBao", our_lookup, {}, store=ours, **asked),
        Way("nebula.credential with its callback, OpenBao", our_lookup, {}, store=ours, environment=CALLBACK, **asked),
        Way(
            "community.hashi_vault, OpenBao",
            vault_kv2_get,
            theirs,
            is_peer=True,
            requests=lambda: len(once.server(SERVER).requests()),
            write=HASHI_VAULT,
            **asked,
        ),
    ]


HARNESS = Harness(
    backend="vault",
    kinds=(
        StoreKind(
            "vault-kv2",
            "vault",
            _options(),
            server=SERVER,
            many=False,
            server_counts=True,
            bare=_bare,
            requests=_requests,
            most={"rotation": 16, "migration": 5},
        ),
        StoreKind(
            "vault-kv2-encrypted",
            "vault",
            _options(encrypt=True),
            encrypting,
            server=SERVER,
            many=False,
            bare=_bare,
            requests=_requests,
            most={"rotation": 14, "envelope": 4, "envelope with a kept one": 6, "migration": 7},
        ),
        # Version 1 can neither compare and swap nor lock, so a rotation on it is refused.
        StoreKind("vault-kv1", "vault", _options("kv1", kv_version=1, single_writer=True), locking, server=SERVER, many=False, plays=False),
    ),
    unreachable=_unreachable,
    mistake=({"url": "https://vault.invalid:8200", "auth": {"method": "approle"}}, "auth"),
    watched={"vault": _watched},
    example=_example,
    lookups=_lookups,
    throttled=("vault-kv2",),
    choices=(
        Choice(
            "Vault or OpenBao",
            "{backend: vault, url: 'https://vault.example.com:8200', auth: {method: approle, role_id: …, secret_id: …}}",
            ("vault-kv2", "vault-kv2-encrypted"),
            Place.SERVER,
            "OpenBao 2.7",
            rights="[policy](../../policies/vault-read-write.hcl)",
        ),
        Choice(
            "Vault or OpenBao, a mount of KV version 1",
            "{backend: vault, url: 'https://vault.example.com:8200', mount: kv1, kv_version: 1, "
            "auth: {method: approle, role_id: …, secret_id: …}}",
            ("vault-kv1",),
            Place.SERVER,
            "OpenBao 2.7",
            rights="[policy](../../policies/vault-read-write.hcl)",
            note="version 2 is the better mount",
        ),
        Choice(
            "Vault or OpenBao, leased logins",
            "{backend: vault, url: 'https://vault.example.com:8200', engine: dynamic, mount: database, "
            "auth: {method: approle, role_id: …, secret_id: …}}",
            (),
            Place.SERVER,
            "OpenBao 2.7",
            rights="[policy](../../policies/vault-dynamic.hcl)",
            page="vault-dynamic.md",
        ),
    ),
)
