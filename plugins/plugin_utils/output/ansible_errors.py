# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place on the controller where an error of the library becomes one of Ansible's.

No chained cause leaves here, because `no_log` does not hide an error's cause. What nobody foresaw is reported by its
class: its text may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError

from ansible_collections.nebula.credential.plugins.module_utils.errors import neutral


class EdgeMessage(Exception):
    """A finished message of the edge itself (argument validation, an option this edge refuses), safe to show."""


def lookup_failure(error: Exception, lookup: str) -> AnsibleError:
    """The error that a lookup raises (`from None`) for `error`."""
    if isinstance(error, EdgeMessage):
        return AnsibleLookupError("{0}: {1}".format(lookup, error))
    return AnsibleLookupError("{0}: {1}".format(lookup, neutral(error)))


def failed_result(error: Exception, reported: Mapping[str, Any]) -> dict[str, Any]:
    """The result of an action that failed with `error`, as a module's `fail_json` gives it, with the error's `code`.

    Returned, not raised: for an action that raises, ansible-core does not look at `failed_when`, `until` and `retries`.
    """
    failed = {**reported, "failed": True, "changed": False}
    if isinstance(error, EdgeMessage):
        return {**failed, "msg": str(error)}
    found = neutral(error)
    return {**failed, "msg": str(found), "code": found.code}
