# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a token in a response may consist of."""

from __future__ import annotations

import re
from typing import Any

_VISIBLE = re.compile(r"[!-~]+\Z")


def is_token(found: Any) -> bool:
    """Return True for a text of visible ASCII characters, as every token is: a line break in it would add a line to a header or a file."""
    return isinstance(found, str) and bool(_VISIBLE.match(found))
