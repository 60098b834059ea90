# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `memory`: random keys in this process, for tests of what uses a store (E2). With the process they are gone.

A store must ask for it (`for_tests: true`): a store on a disk or a server whose key was in memory cannot be opened by the next run.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Dict, FrozenSet, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Terms
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, naming_source, read_entry
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, MissingKey, WrongPassphrase

_KEYS: Dict[bytes, Dict[str, bytes]] = {}
"""The keys of each store, by their labels. The last one wraps new slots. A forked process has what its parent had."""
_LOCK = threading.Lock()
_ENDS = "The key of such a store ends with its process. Use another key source for what has to stay."


class InMemory(KeySource):
    """The keys of this process."""

    kind = "memory"

    def prepare(self, store_id: bytes, *, renew: bool) -> Tuple[Terms, bytes]:
        with _LOCK:
            keys = _KEYS.setdefault(store_id, {})
            if renew or not keys:
                keys[os.urandom(8).hex()] = os.urandom(primitives.KEY_SIZE)
            label, key = list(keys.items())[-1]
        return Terms(self.kind, label, None, os.urandom(16)), key

    def secret(self, terms: Terms, store_id: bytes) -> bytes:
        with _LOCK:
            keys = dict(_KEYS.get(store_id, {}))
        if not keys:
            raise MissingKey("the key in memory ended with the process that made it", remedy=_ENDS)
        if terms.label not in keys:
            raise WrongPassphrase("this process has another key in memory than this store's", remedy=_ENDS)
        return keys[terms.label]

    def abandon(self, store_id: bytes) -> None:
        with _LOCK:
            _KEYS.pop(store_id, None)

    def forget_all_but(self, labels: FrozenSet[str], store_id: bytes) -> None:
        with _LOCK:
            kept = {label: key for label, key in _KEYS.get(store_id, {}).items() if label in labels}
            if kept:
                _KEYS[store_id] = kept


def from_options(given: Mapping[str, Any], _surroundings: Surroundings) -> InMemory:
    """Build the source of an entry of `key_sources`.

    Raises:
        InvalidConfiguration: the entry does not say that its store is for tests.
    """
    with naming_source(InMemory.kind):
        if not read_entry(InMemory.kind, given).config["for_tests"]:
            raise InvalidConfiguration(
                "a key in memory ends with its process, and every value of the store with it",
                option="for_tests",
                remedy="Write 'for_tests: true' if that is meant, else use 'key_file'.",
            )
    return InMemory()
