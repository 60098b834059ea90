# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every secret that a run left in a store: what its output must not show."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import yaml

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.scope_guard import ScopeGuard
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import utc_now

SHORTEST = 6
VAULT_PASSWORD = "vault-password"


def secrets_below(*directories):
    """The values of all secret fields, in every stage and version, of every store below these directories."""
    found = set()
    for directory in directories:
        for hidden in directory.rglob(".nebula"):
            if (hidden / "locks").exists():  # ~/.nebula itself is no store
                found |= _secrets(hidden.parent, directories)
    for config in _stores(directories):
        if config.get("persist_path") or backend_class(config["backend"]).capabilities.remote:
            found |= _opened({**config, "audit": "off"}, directories)
    return {value for value in found if len(value) >= SHORTEST}


def _secrets(path, directories):
    for config in _configurations(path, directories):
        with suppress(CredentialError):
            return _opened({**config, "backend": "local", "path": str(path), "audit": "off"}, directories)
    raise AssertionError("nothing opens the store {0}".format(path))


def _opened(config, directories):
    manager = open_store(config, vault_password=_password(directories))
    return set(_values(_below_the_scope(manager.backend)))


def _configurations(path, directories):
    """Ways to open a store: as a nebula.yml says, without configuration, or with one of the keys that lie about."""
    yield from _configured(path, directories)
    if not (path / ".nebula" / "metadata.json").exists():
        yield from ({"format": kind, "encrypt": False, "allow_plaintext": True} for kind in ("json", "yaml", "binary"))
        return
    yield {}
    for directory in directories:
        yield from ({"key_sources": [{"source": "key_file", "path": str(file)}]} for file in directory.rglob("*.key"))
        yield from ({"key_sources": [{"source": "passphrase", "passphrase_file": str(file)}]} for file in directory.rglob("passphrase*"))


def _configured(path, directories):
    for config in _stores(directories):
        if Path(config.get("path", "~/.nebula/credentials")).expanduser() == path:
            yield config


def _stores(directories):
    for directory in directories:
        for file in directory.rglob("nebula.yml"):
            yield from yaml.safe_load(file.read_text(encoding="utf-8"))["stores"].values()


def _password(directories):
    files = [file for directory in directories for file in directory.rglob(VAULT_PASSWORD)]
    return lambda _vault_id: Secret(files[0].read_text(encoding="utf-8").strip()) if files else None


def _below_the_scope(backend):
    while not isinstance(backend, ScopeGuard):
        backend = backend.inner
    return backend.inner


def _values(backend):
    """From below the scope's guard: the search is nobody in particular."""
    for name in [row.name for row in backend.list(Filter(names_only=True))]:
        # Pages share the place that is the default: what is encrypted, damaged or of an unknown type there is of other tests, and the
        # page's store refuses it.
        with suppress(InvalidInput, Damaged):
            asked = [(version.version, "current") for version in backend.versions(name)]
            for version, stage in [*asked, (None, "pending"), (None, "previous")]:
                with suppress(NotFound):
                    yield from _secret_fields(Credential(backend.get(name, version, stage), utc_now()))


def _secret_fields(credential):
    for field, value in credential.fields.items():
        if credential.kind.is_secret(field):
            yield value.expose().decode("utf-8", "replace")
