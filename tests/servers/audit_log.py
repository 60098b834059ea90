# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audit logs of servers: a JSON object a line, written before the answer is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator


def entries_of(log: Path, containing: str = "") -> Iterator[Dict[str, Any]]:
    """What a server has logged so far, oldest first. A line that is half written is of a request that was not answered yet.

    Args:
        log: the file.
        containing: what the lines have in them; the others are not parsed, of which a long run of tests makes a hundred thousand.
    """
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n") and containing in line:
                yield json.loads(line)
