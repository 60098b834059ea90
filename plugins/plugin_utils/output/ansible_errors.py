# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place on the controller that turns an error of the library into one of Ansible's.

No chained cause leaves here, because `no_log` does not hide an error's cause. An unforeseen error is reported by its
class: its text may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleFilterError, AnsibleLookupError

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, as_credential_error


class UserMessage(Exception):
    """A complete message of the edge itself (argument validation, an option that this edge refuses), safe to show."""

    code = InvalidInput.code


def lookup_failure(error: Exception) -> AnsibleError:
    """Return the error that a lookup raises (`from None`) for `error`.

    ansible-core itself says which lookup failed, two or three times. Only the text leaves a lookup, so it ends with the code.
    """
    return AnsibleLookupError(_with_code(error))


def filter_failure(error: Exception) -> AnsibleError:
    """Return the error that a filter or a test raises (`from None`) for `error`, as `lookup_failure` does for a lookup."""
    return AnsibleFilterError(_with_code(error))


def _with_code(error: Exception) -> str:
    found = error if isinstance(error, UserMessage) else as_credential_error(error)
    return "{0} [code: {1}]".format(found, found.code)


def build_failed_result(error: Exception, reported: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of an action that failed with `error`, in the form of a module's `fail_json`, with the error's `code`.

    It is returned, not raised: if an action raises, ansible-core does not evaluate `failed_when`, `until` and `retries`.
    """
    failed = {**reported, "failed": True, "changed": False}
    found = error if isinstance(error, UserMessage) else as_credential_error(error)
    return {**failed, "msg": str(found), "code": found.code}
