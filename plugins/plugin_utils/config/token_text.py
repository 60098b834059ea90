# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The token that a filter or a test gets."""

from __future__ import annotations

from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import to_native


def read_token_text(value: Any) -> bytes:
    """Return a token as bytes, without white space around it.

    Raises:
        InvalidInput: it is no text. It is not shown.
    """
    text = to_native(value)
    if not isinstance(text, str):
        raise InvalidInput("the token is not text", remedy="Give the token itself, for example what the lookup 'get' returns.")
    return text.strip().encode("utf-8")
