# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store with an audit trail, for the tests of it."""

from __future__ import annotations

import json

from ansible_collections.nebula.credential.plugins.module_utils.audit.keyring_chain_key import RingSeals
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import verify_chain
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import Encrypt
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

CANARY = "c4n4ry-c4n4ry"


class Place:
    """A store, and where its trail and key are."""

    def __init__(self, directory):
        self.path = directory / "store"
        self.trail = self.path / ".nebula" / "audit.jsonl"

    def open(self, audit="batched", **options):
        return open_store({"backend": "local", "path": str(self.path), "audit": audit, **options}, name="prod")

    def entries(self):
        return [json.loads(line) for line in self.trail.read_text(encoding="ascii").splitlines()]

    def seals(self):
        layer = self.open("off").backend
        while not isinstance(layer, Encrypt):
            layer = layer.inner
        return RingSeals(layer.keyring)

    def verify(self):
        seals = self.seals()
        return verify_chain(str(self.trail), seals.keys(), seals().mark_path)


def fill(place, reads=3):
    manager = place.open()
    manager.create(DesiredCredential("db", value=Secret(CANARY)))
    for _read in range(reads):
        manager.get("db")
    manager.close()
