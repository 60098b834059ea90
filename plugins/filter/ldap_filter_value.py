# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter `ldap_filter_value`. Its documentation is in ldap_filter_value.yml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.network.ldap_names import escape_filter_value
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import read_text
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import filter_failure


def ldap_filter_value(value: Any) -> str:
    """Return a text as a value in a filter.

    Raises:
        AnsibleError: it is no text.
    """
    try:
        return escape_filter_value(read_text(value, "the value"))
    except Exception as error:  # noqa: BLE001  # one place turns every error into one of Ansible's
        raise filter_failure(error) from None


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"ldap_filter_value": ldap_filter_value}
