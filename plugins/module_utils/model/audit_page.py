# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A page of the copy of an audit trail that a backend keeps."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Optional, Tuple


class AuditPage(NamedTuple):
    """The entries to read, in the order of their times and then of their ids.

    Attributes:
        most: the greatest number of entries.
        since: the first time.
        until: the time before which they are.
        after: `time` and `id` of the entry after which the page begins; None for the first page.
    """

    most: int
    since: Optional[datetime] = None
    until: Optional[datetime] = None
    after: Optional[Tuple[str, str]] = None
