# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend azure: a Key Vault of our own, each store in one of its own, and the one that NEBULA_TEST_AZURE_VAULT_URL names."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional, Sequence, Tuple

from tests.backends.harness import (
    Bare,
    Choice,
    Elsewhere,
    Example,
    Harness,
    Options,
    Place,
    Price,
    StoreKind,
    Storm,
    Watched,
    encrypting,
    locking,
)
from tests.bench.session_runs import Way, our_lookup
from tests.servers import once

SERVER = "azure_vault"
DOCUMENTED = "https://shop.vault.azure.net"
"""The vault in the documentation."""
RUN = secrets.token_hex(3)
_LOGIN = {"tenant_id": "TENANT_ID", "client_id": "CLIENT_ID", "client_secret": "CLIENT_SECRET"}


def _prefix(directory: Path) -> str:
    return "t{0}-".format(hashlib.sha256(str(directory).encode()).hexdigest()[:16])


def _lock(directory: Path) -> Dict[str, str]:
    return {"kind": "file", "path": str(directory / "locks")}


@lru_cache(maxsize=None)
def _vault(server: Any, directory: Path) -> str:
    return str(server.new_vault())


def _on(*, encrypt: bool) -> Callable[[Path], Options]:
    return lambda directory: {
        **once.server(SERVER).login(),
        "vault_url": _vault(once.server(SERVER), directory),
        "encrypt": encrypt,
        "lock": _lock(directory),
    }


def _at(url: str) -> Callable[[Path], Options]:
    login = {option: os.environ["NEBULA_TEST_AZURE_" + name] for option, name in _LOGIN.items()}
    return lambda directory: {
        **login,
        "vault_url": url,
        "auth_method": "client_secret",
        "prefix": "r{0}-{1}".format(RUN, _prefix(directory)),
        "lock": _lock(directory),
    }


def _unreachable(secret: str) -> Options:
    login = {"tenant_id": "11111111-2222-4333-8444-555555555555", "client_id": "app", "client_secret": secret}
    return {"vault_url": "https://127.0.0.1:1", "authority": "127.0.0.1:1", "auth_method": "client_secret", **login}


class Client:
    """azure-keyvault-secrets, as a program without this collection would use it."""

    def __init__(self, client: Any) -> None:
        """Take a SecretClient."""
        self._client = client

    def write(self, name: str, value: str) -> object:
        """set_secret."""
        return self._client.set_secret(_object(name), value)

    def read(self, name: str) -> object:
        """get_secret."""
        return self._client.get_secret(_object(name)).value

    def list(self) -> object:
        """list_properties_of_secrets."""
        return [each.name for each in self._client.list_properties_of_secrets() if each.name.startswith("bare-")]

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _object(name: str) -> str:
    return "bare-" + name.replace("/", "-").replace("_", "-")


def _bare(_directory: Path) -> Bare:
    from azure.identity import ClientSecretCredential
    from azure.keyvault.secrets import SecretClient

    server = once.server(SERVER)
    trusted: Dict[str, Any] = {"connection_verify": str(server.ca_cert), "disable_instance_discovery": True}
    authority = "{0}:{1}".format(server.host, server.port)
    credential = ClientSecretCredential(server.tenant, server.client, server.secret, authority=authority, **trusted)
    return Client(SecretClient(server.url, credential, connection_verify=str(server.ca_cert)))


def _requests(_directory: Path) -> int:
    return len(once.server(SERVER).requests())


def _watched(directory: Path) -> Watched:
    """Logged in with the secret of a service principal."""
    server = once.server(SERVER)
    prefix = "canary{0}-".format(secrets.token_hex(4))

    def config(given: str) -> Dict[str, Any]:
        login = {**server.login(), "client_secret": given}
        return {"backend": "azure", **login, "encrypt": False, "prefix": prefix, "lock": _lock(directory)}

    return Watched(config(server.secret), {"client secret": server.secret}, config, (server.log,))


def _example(text: str, directory: Path) -> Optional[Example]:
    """The test's vault for that of the page, with the login in the environment, and a command line that sends what `az` does."""
    if DOCUMENTED not in text and "type: azure" not in text:
        return None
    server = once.server(SERVER)
    programs = directory / "programs"
    programs.mkdir(exist_ok=True)
    program = programs / "az"
    program.write_text("#!{0}\n{1}".format(sys.executable, _CLI), encoding="utf-8")
    program.chmod(0o755)
    login = {"AZURE_TENANT_ID": server.tenant, "AZURE_CLIENT_ID": server.client, "AZURE_CLIENT_SECRET": server.secret}
    environment = {**login, "AZURE_AUTHORITY_HOST": "{0}:{1}".format(server.host, server.port), "SSL_CERT_FILE": str(server.ca_cert)}
    return Example(environment, programs, {DOCUMENTED: server.url, **_replace_services(server)})


def _replace_services(server: Any) -> Dict[str, str]:
    """The test's Microsoft Entra and container registry, by which credentials of a type log in, for those of the page."""
    where = "{0}:{1}".format(server.host, server.port)
    trusted = "authority: {0}, ca_cert: \"{{{{ lookup('ansible.builtin.file', '{1}') }}}}\"".format(where, server.ca_cert)
    return {"authority: login.microsoftonline.com": trusted, "server: shop.azurecr.io": "server: '{0}', {1}".format(where, trusted)}


_CLI = """
import os, sys
from azure.identity import EnvironmentCredential
from azure.keyvault.secrets import SecretClient
words = sys.argv[1:]
given = {word: words[number + 1] for number, word in enumerate(words) if word.startswith("--")}
trusted = {"connection_verify": os.environ["SSL_CERT_FILE"]}
vault = given["--vault-url"]
client = SecretClient(vault, EnvironmentCredential(disable_instance_discovery=True, **trusted), **trusted)
assert words[:2] == ["keyvault", "secret"]
if words[2] == "set":
    client.set_secret(given["--name"], given["--value"])
else:
    assert given["--query"] == "tags.team"
    print(client.get_secret(given["--name"]).properties.tags["team"])
"""


def _storm_of(status: int) -> Callable[[Path, int], ContextManager[Storm]]:
    @contextlib.contextmanager
    def storm(directory: Path, refused: int) -> Iterator[Storm]:
        server, seen = once.started(SERVER), [0]

        def begin() -> None:
            seen[0] = len(server.requests())
            server.order(fail=[{"status": status, "path": "/secrets", "headers": {}, "left": refused}])

        def count() -> int:
            return sum("/secrets/" in line for line in server.requests()[seen[0] :])

        yield Storm(_on(encrypt=False)(directory), begin, count)

    return storm


def find_kinds_elsewhere(url: str) -> Tuple[StoreKind, ...]:
    """Return the kinds of stores in a vault of Azure."""
    return (StoreKind("azure-elsewhere", "azure", _at(url), locking, many=False, plays=False),)


@contextlib.contextmanager
def _lookups(names: Sequence[str]) -> Iterator[List[Way]]:
    """Ours, logged in with a client secret. A challenge that asks for the token counts as a read."""
    server, prefix, seen = once.started(SERVER), "bench-", [0]
    for name in names:
        status, _body = server.call("PUT", "/secrets/{0}{1}".format(prefix, name), {"value": "of " + name})
        assert status == 200, status

    def count(word: str) -> int:
        return sum(word in line for line in server.requests()[seen[0] :])

    ours = {"backend": "azure", "audit": "off", "prefix": prefix, **server.login()}
    counts: Dict[str, Any] = {"logins": lambda: count("/oauth2/v2.0/token"), "reads": lambda: count("/secrets/")}
    counts["start_over"] = lambda: seen.__setitem__(0, len(server.requests()))
    yield [Way("nebula.credential, Azure (one of them its challenge)", our_lookup, {}, store=ours, **counts)]


HARNESS = Harness(
    backend="azure",
    kinds=(
        StoreKind(
            "azure",
            "azure",
            _on(encrypt=False),
            locking,
            server=SERVER,
            many=False,
            bare=_bare,
            requests=_requests,
            lists_everything=True,
        ),
        StoreKind("azure-encrypted", "azure", _on(encrypt=True), encrypting, server=SERVER, many=False, plays=False, long_only=True),
    ),
    elsewhere=Elsewhere("NEBULA_TEST_AZURE_VAULT_URL", find_kinds_elsewhere),
    unreachable=_unreachable,
    mistake=({"vault_url": "https://vault.invalid", "auth_method": "client_secret"}, "tenant_id"),
    address="vault_url",
    watched={"azure": _watched},
    example=_example,
    is_challenged=True,
    lookups=_lookups,
    storms={"429": _storm_of(429), "503": _storm_of(503)},
    choices=(
        Choice(
            "Azure Key Vault",
            "{backend: azure, vault_url: 'https://shop.vault.azure.net', auth_method: managed_identity, lock: {kind: file, path: ~/locks}}",
            ("azure",),
            Place.CLOUD,
            "a server of our own, not Azure",
            rights="[roles](../../policies/azure-read-write.json)",
            price=Price(
                calls=0.03,
                stored=0,
                unit="secret",
                source="https://learn.microsoft.com/en-us/answers/questions/5608202/how-to-correctly-estimate-azure-key-vault-cost",
                as_of="2026-11-30",
            ),
        ),
    ),
)
