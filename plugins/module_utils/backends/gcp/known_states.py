# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process remembers of secrets, so that a write needs fewer requests."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.connection import Secret

_REMEMBERED = 1000
"""How many secrets, and how many destroyed versions."""


class KnownStates:
    """The last seen states of secrets, and the versions that are destroyed already: a write then needs fewer requests.

    An old state does no harm: its etag is compared.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, Secret] = OrderedDict()
        self._destroyed: OrderedDict[Tuple[str, int], None] = OrderedDict()

    def get(self, secret: str) -> Optional[Secret]:
        """Return the last seen state of a secret, or None."""
        with self._lock:
            return self._seen.get(secret)

    def put(self, state: Secret) -> None:
        """Remember the state of a secret."""
        with self._lock:
            _remember(self._seen, state.id, state)

    def note(self, secret: str, state: Optional[Secret]) -> None:
        """Remember the state of a secret that was read; None: it is gone."""
        if state is None:
            self.drop(secret)
        else:
            self.put(state)

    def drop(self, secret: str) -> None:
        """Forget the state of a secret."""
        with self._lock:
            self._seen.pop(secret, None)

    def note_destroyed(self, secret: str, number: int) -> None:
        """Remember that a version is destroyed."""
        with self._lock:
            _remember(self._destroyed, (secret, number), None)

    def is_destroyed(self, secret: str, number: int) -> bool:
        """Return True if a version is known to be destroyed."""
        with self._lock:
            return (secret, number) in self._destroyed


def _remember(known: Any, key: Any, value: Any) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
