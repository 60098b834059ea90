# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The token that a filter or a test gets."""

from __future__ import annotations

from typing import Any

from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import read_text


def read_token_text(value: Any) -> bytes:
    """Return a token as bytes, without white space around it.

    Raises:
        InvalidInput: it is no text. It is not shown.
    """
    return read_text(value, "the token").strip().encode("utf-8")
