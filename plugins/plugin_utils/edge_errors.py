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

from ansible.errors import AnsibleActionFail, AnsibleError, AnsibleLookupError

from ansible_collections.nebula.credential.plugins.module_utils.batch import neutral


class EdgeMessage(Exception):
    """A finished message of the edge itself (argument validation, an option this edge refuses), safe to show."""


def lookup_failure(error: Exception, lookup: str) -> AnsibleError:
    """The error that a lookup raises (`from None`) for `error`."""
    if isinstance(error, EdgeMessage):
        return AnsibleLookupError("{0}: {1}".format(lookup, error))
    return AnsibleLookupError("{0}: {1}".format(lookup, neutral(error)))


def action_failure(error: Exception, result: Mapping[str, Any] | None = None) -> AnsibleActionFail:
    """The error that an action raises (`from None`) for `error`. The task's result holds its code as `code`."""
    known = dict(result or {})
    if isinstance(error, EdgeMessage):
        return AnsibleActionFail(str(error), result=known)
    found = neutral(error)
    return AnsibleActionFail(str(found), result=dict(known, code=found.code))
