# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Digests of requests that a session does not know yet: one worker resolves each, and the others wait for that.

To resolve a digest, a worker sends the whole operation. For that it loads the collection, which takes longer than all its later requests.
"""

from __future__ import annotations

import threading
import time

RESOLVE_TIMEOUT = 2.0
"""Seconds that resolving may take. After that, every worker resolves the digest itself, and gets its own error."""
REMEMBERED = 20000


class PendingDigests:
    """The digests that a worker is expected to resolve, and until when (`time.monotonic`). Safe for several threads."""

    def __init__(self) -> None:
        """Start with no digest."""
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def claim(self, digest: str) -> bool:
        """Return True if another worker is already resolving this digest; the first caller gets False and resolves it."""
        now = time.monotonic()
        with self._lock:
            known = digest in self._until
            until = self._until.setdefault(digest, now + RESOLVE_TIMEOUT)
            while len(self._until) > REMEMBERED:
                del self._until[next(iter(self._until))]
        return known and now < until

    def resolve(self, digest: str) -> None:
        """Record that the digest was resolved, or cannot be: no caller waits for it any more."""
        with self._lock:
            self._until[digest] = 0.0
