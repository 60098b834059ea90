# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key sources that need nothing but this machine: files, passphrases, memory, identities of age."""

from __future__ import annotations

import os
from typing import Any, Tuple

import pyrage

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import memory
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import build_sources
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingKey
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.key_source_conformance.harness import Entry, KeySourceHarness


class KeyFileHarness(KeySourceHarness):
    """A file with a key."""

    kind = "key_file"
    after_loss = MissingKey

    def entry(self) -> Entry:
        return {"source": "key_file", "path": str(self.directory / "team.key")}

    def other(self) -> Entry:
        (built,) = build_sources([{"source": "key_file", "path": str(self.directory / "other.key")}], print)
        built.prepare(bytes(16), renew=False)
        return {"source": "key_file", "path": str(self.directory / "other.key")}

    def lose(self) -> None:
        (self.directory / "team.key").unlink()

    def secrets(self) -> Tuple[str, ...]:
        return ((self.directory / "team.key").read_text().split()[2],) if (self.directory / "team.key").exists() else ()


class PassphraseHarness(KeySourceHarness):
    """A passphrase in a variable."""

    kind = "passphrase"
    label = "team"

    def entry(self) -> Entry:
        self.monkeypatch.setenv("TEAM_PASSPHRASE", "canary correct horse")
        return {"source": "passphrase", "passphrase_env": "TEAM_PASSPHRASE", "label": "team"}

    def other(self) -> Entry:
        return {"source": "passphrase", "passphrase": "canary battery staple", "label": "team"}

    def lose(self) -> None:
        self.monkeypatch.delenv("TEAM_PASSPHRASE")

    def secrets(self) -> Tuple[str, ...]:
        return ("canary correct horse", "canary battery staple")


class VaultPasswordHarness(KeySourceHarness):
    """The run's vault password."""

    kind = "ansible_vault"
    label = "team"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._password = "canary vault password"
        self.vault_password = lambda _vault_id: Secret(self._password) if self._password else None

    def entry(self) -> Entry:
        return {"source": "ansible_vault", "vault_id": "team"}

    def other(self) -> Entry:
        self._password = "canary other password"
        return self.entry()

    def lose(self) -> None:
        self._password = ""

    def secrets(self) -> Tuple[str, ...]:
        return ("canary vault password", "canary other password")


class MemoryHarness(KeySourceHarness):
    """A key in this process."""

    kind = "memory"
    after_loss = MissingKey

    def entry(self) -> Entry:
        return {"source": "memory", "for_tests": True}

    def other(self) -> Entry:
        for keys in memory._KEYS.values():
            keys.clear()
            keys["0123456789abcdef"] = os.urandom(32)
        return self.entry()

    def lose(self) -> None:
        memory._KEYS.clear()


class AgeHarness(KeySourceHarness):
    """An identity of age in a file, and its recipient."""

    kind = "age"
    label = "team"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.identity, self.stranger = (pyrage.x25519.Identity.generate() for _each in range(2))

    def entry(self) -> Entry:
        return self._entry(self.identity)

    def other(self) -> Entry:
        return self._entry(self.stranger)

    def _entry(self, identity: Any) -> Entry:
        path = self.directory / "identity.txt"
        path.write_text("# created: today\n{0}\n".format(identity), encoding="ascii")
        path.chmod(0o600)
        return {"source": "age", "label": "team", "recipients": [str(self.identity.to_public())], "identity_file": str(path)}

    def unreachable(self) -> Entry:
        (self.directory / "identity.txt").unlink()
        return {"source": "age", "label": "team", "recipients": [str(self.identity.to_public())]}

    def secrets(self) -> Tuple[str, ...]:
        return (str(self.identity), str(self.stranger))
