# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup `file`. Its documentation is in file.yml."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.lookup.get import LookupModule as Get


class LookupModule(Get):
    """Read one credential into a file of the run."""

    operation = "file"

    def shape_result(self, result: Mapping[str, Any]) -> list[Any] | None:
        """Return the path of the file with the value; None if the full lookup must say why there is none."""
        from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.files import keep_file

        try:
            return [keep_file(base64.b64decode(result["value"]))]
        except CredentialError:
            return None
