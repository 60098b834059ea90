# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter `join_keytabs`. Its documentation is in join_keytabs.yml."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.keytab import Entry, read_keytab, write_keytab
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import filter_failure


def join_keytabs(keytabs: Any) -> str:
    """Return one keytab with the keys of several, in base64. A key that several have is there once.

    Raises:
        AnsibleError: it is no list of keytabs in base64.
    """
    # Outside of the `try`: Ansible itself reports an item whose lookup failed.
    given = [str(keytab) for keytab in keytabs] if isinstance(keytabs, (list, tuple)) else None
    try:
        entries = [entry for keytab in _check_list(given) if keytab for entry in _read(keytab)]
        known = {(entry.principal, entry.version, entry.encryption): entry for entry in reversed(entries)}
        joined = base64.b64encode(write_keytab([entry for entry in entries if known[entry[:3]] is entry]))
        masking.register([Secret(joined)])
        return joined.decode("ascii")
    except Exception as error:  # noqa: BLE001  # one place turns every error into one of Ansible's
        raise filter_failure(error) from None


def _check_list(keytabs: list[str] | None) -> list[str]:
    if keytabs is None:
        raise InvalidInput("it is not a list of keytabs", remedy="Write '[a, b] | nebula.credential.join_keytabs'.")
    return keytabs


def _read(keytab: str) -> list[Entry]:
    try:
        found = read_keytab(base64.b64decode(keytab, validate=True))
    except (binascii.Error, ValueError):
        found = None
    if found is None:
        raise InvalidInput("an item is no keytab in base64", remedy="Read it by a lookup with encoding='base64'.")
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"join_keytabs": join_keytabs}
