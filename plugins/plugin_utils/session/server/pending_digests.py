# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways of asking that a session does not know yet: one worker explains each, and the others wait for that.

To explain one, a worker loads the collection, which takes it longer than all it asks for afterwards.
"""

from __future__ import annotations

import threading
import time

PATIENCE = 2.0
"""Seconds that an explanation may take. Where it does not come, everybody explains for himself: his error is his own, too."""
REMEMBERED = 20000


class Explaining:
    """Who is expected to explain what, until when (`time.monotonic`). Used by several threads."""

    def __init__(self) -> None:
        """Nobody is expected."""
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def is_left_to_another(self, digest: str) -> bool:
        """Whether somebody is about to explain it. The first who is told that nobody is does it himself."""
        now = time.monotonic()
        with self._lock:
            known = digest in self._until
            until = self._until.setdefault(digest, now + PATIENCE)
            while len(self._until) > REMEMBERED:
                del self._until[next(iter(self._until))]
        return known and now < until

    def is_over(self, digest: str) -> None:
        """It was explained, or cannot be: nobody waits for it any more."""
        with self._lock:
            self._until[digest] = 0.0
