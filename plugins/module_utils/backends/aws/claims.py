# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The claim on a secret that is to be deleted: a copy of its value whose id says so (`secret_deletes`)."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta, timezone
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict

FOR_A_WHILE, FOR_GOOD = "h", "g"
"""What the id of a claim ends with: the delete can be taken back, or it cannot."""
LIFETIME = timedelta(minutes=10)
"""How long a claim counts, by the clock of AWS. A clock whose requests AWS accepts differs from it by five minutes at most."""
_CLAIM = re.compile(r"nebula-[0-9a-z-]*[0-9a-f]{6}([hg])\Z", re.ASCII)


def build_bare_claim(kind: str) -> str:
    """Return an id for the claim on a value that is not ours, or cannot be read: it says nothing of it."""
    return "nebula-" + secrets.token_hex(16) + kind


def read_claim(version_id: Optional[str]) -> str:
    """Return the kind of a claim; empty for the id of another version."""
    found = _CLAIM.match(version_id or "")
    return found.group(1) if found else ""


def is_live(version_id: Optional[str], since: Optional[datetime]) -> bool:
    """Return True if a version that became current at a time is a claim that counts."""
    if not read_claim(version_id):
        return False
    return since is None or datetime.now(timezone.utc) - since < LIFETIME


def build_claimed(secret: str) -> Conflict:
    """Return the error for a write to a secret that another run is deleting."""
    minutes = int(LIFETIME.total_seconds() // 60)
    remedy = "Read it again and repeat. If that run was broken off, AWS takes writes again after {0} minutes."
    return Conflict("another run is deleting the secret {0}".format(secret), remedy=remedy.format(minutes))
