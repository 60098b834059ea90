# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cache before a backend that counts, that can be down, and that can make readers wait."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache, CacheTerms
from tests.conformance.records import a_record, value_of

NAMES = ("a", "b", "c")


class Watched(Layer):
    """Counts what reaches the backend; can be down, and can make readers wait."""

    def __init__(self):
        self.warned = []
        super().__init__(Memory({}, BackendContext("test", self.warned.append)))
        self.asked = []
        self.down = False
        self.gate = None

    def get(self, name, version=None, stage="current"):
        self.asked.append(name)
        if self.gate:
            self.gate.wait(30)
        if self.down:
            raise Unavailable("the backend is down")
        return self.inner.get(name, version, stage)

    def get_many(self, names):
        self.asked.append(tuple(names))
        if self.gate:
            self.gate.wait(30)
        if self.down:
            raise Unavailable("the backend is down")
        return self.inner.get_many(names)


class World:
    """A backend with the names a, b and c, a cache before it, and a clock."""

    def __init__(self, **terms):
        self.backend = Watched()
        self.now = 0.0
        self.later = []
        self.looked_up = []
        self.cache = Cache(self.backend, replace_terms(terms), self.later.append, self.looked_up.append)
        self.cache.shelf._clock = lambda: self.now
        for name in NAMES:
            self.backend.inner.put(a_record(name, name))

    def read(self, name="a", version=None):
        return value_of(self.cache.get(name, version))


def replace_terms(terms):
    return CacheTerms(**{"ttl": 100.0, **terms})
