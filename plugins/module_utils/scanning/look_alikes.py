# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What merely looks like a secret: lines of text that a rule of detect-secrets matches. Nothing is sent to a service to try it."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, List

from ansible_collections.nebula.credential.plugins.module_utils.errors import Package, check_packages

PACKAGE = Package("detect-secrets>=1.5", "detect_secrets", "`look_alikes` of the module `scan`")
_AS_CONFIGURATION = ".ini"
"""The end of a name by which detect-secrets takes a file as one in which values have no quotes. It does not know dotenv."""
_NOT_USED = ("Public IP (ipv4)",)
"""Rules that find no secrets."""


class LookAlikes:
    """The rules, and what makes an exception of a line."""

    def __init__(self) -> None:
        """Load them.

        Raises:
            MissingLibrary: detect-secrets is not installed.
        """
        check_packages([PACKAGE])
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
        from detect_secrets.filters import allowlist, heuristic
        from detect_secrets.util.code_snippet import get_code_snippet

        known: Dict[str, Any] = get_mapping_from_secret_type_to_class()
        self._rules: List[Any] = [rule() for kind, rule in sorted(known.items()) if kind not in _NOT_USED]
        self._heuristic, self._allowlist, self._get_snippet = heuristic, allowlist, get_code_snippet

    def takes(self, path: str) -> bool:
        """Return True if a file has lines to look at: one with the checksums of packages has none."""
        return not self._heuristic.is_lock_file(path) and not self._heuristic.is_non_text_file(path)

    def list_kinds(self, path: str, number: int, line: str) -> Iterator[str]:
        """Yield what a line looks like it holds, in the words of detect-secrets. Each once."""
        if not line.strip():
            return
        if ".env" in os.path.basename(path):
            path += _AS_CONFIGURATION
        found = []
        snippet = self._get_snippet(lines=[line], line_number=1)
        for rule in self._rules:
            texts = [
                secret.secret_value or "" for secret in rule.analyze_line(filename=path, line=line, line_number=number, context=snippet)
            ]
            if any(not self._is_exception(text, line, rule) for text in texts):
                found.append(rule.secret_type)
        if found and not self._allowlist.is_line_allowlisted(path, line, snippet) and not self._heuristic.is_indirect_reference(line):
            yield from found

    def _is_exception(self, text: str, line: str, rule: Any) -> bool:
        look = self._heuristic
        return bool(
            look.is_sequential_string(text)
            or look.is_potential_uuid(text)
            or look.is_likely_id_string(text, line, rule)
            or look.is_templated_secret(text)
            or look.is_prefixed_with_dollar_sign(text)
            or look.is_not_alphanumeric_string(text)
        )
