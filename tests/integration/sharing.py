# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controllers that share a Redis or Valkey in front of one database, and what lies in it."""

from __future__ import annotations

import redis

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache, CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.backends.database.stores import url_in

CANARY = "canary-5f0e1d2c3b4a"
NAME = "app/a-telling-name"


def plain(server):
    return redis.Redis(host=server.host, port=server.port, password=server.password, protocol=2)


def option(server, **more):
    return {"url": "redis://{0}:{1}/0".format(server.host, server.port), "password": server.password, **more}


class Controllers:
    """Controllers with one database, whose reads are counted."""

    def __init__(self, directory, server, monkeypatch):
        self.directory, self.server, self.fetched, self.warned = directory, server, [], []
        one, several = Database.get, Database.get_many
        monkeypatch.setattr(
            Database, "get", lambda backend, name, *rest, **more: self.fetched.append(name) or one(backend, name, *rest, **more)
        )
        monkeypatch.setattr(Database, "get_many", lambda backend, names: self._several(several, backend, list(names)))
        self.first = self.open()
        self.first.create(
            DesiredCredential(NAME, type="basic", fields={"username": Secret("jo"), "password": Secret(CANARY)}, tags={"team": CANARY})
        )
        self.fetched.clear()

    def _several(self, several, backend, names):
        self.fetched.append(tuple(names))
        return several(backend, names)

    def open(self, session=False, **more):
        """Another controller. All but its shared cache is in this process."""
        config = {"backend": "database", "url": url_in(self.directory), "audit": "off", "shared_cache": option(self.server, **more)}
        kept = (lambda inner, heard: Cache(inner, CacheTerms(), self.fetched.append, heard)) if session else None
        return open_store(config, name="prod", warn=self.warned.append, cache=kept)

    def read(self, manager):
        return manager.token(NAME, "password").expose().decode()


def entries_in(server):
    """The keys of entries."""
    client = plain(server)
    return [key for key in client.scan_iter() if client.type(key) == b"hash"]
