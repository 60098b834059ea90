# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter `jwt_claims`. Its documentation is in jwt_claims.yml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import read_token
from ansible_collections.nebula.credential.plugins.plugin_utils.config.token_text import read_token_text
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import filter_failure


def jwt_claims(value: Any) -> dict[str, Any]:
    """Return the claims of a token, without any check of its signature.

    Raises:
        AnsibleError: it is not the compact form of a signed token.
    """
    try:
        return read_token(read_token_text(value)).claims
    except Exception as error:  # noqa: BLE001  # one place turns every error into one of Ansible's
        raise filter_failure(error) from None


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"jwt_claims": jwt_claims}
