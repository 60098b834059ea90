# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a store keeps a credential, for people and for the errors of a missing one."""

from __future__ import annotations

from typing import Dict, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Located, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name


def locate(backend: Backend, name: str) -> Dict[str, str]:
    """Return where the current value of a credential is, in the words of the backend's users. Empty if the backend does not say."""
    located = find_protocol(backend, Located)
    return {} if located is None else located.locate(check_name(name))


def name_place(error: CredentialError, backend: Backend, store: str, name: Optional[str] = None) -> CredentialError:
    """Return an error with its store and, if a credential is missing, where the store looked for it."""
    error.within(name=name, store=store)
    if isinstance(error, NotFound) and error.name:
        try:
            place = ", ".join("{0} {1}".format(*part) for part in locate(backend, error.name).items())
        except CredentialError:
            return error  # It concerns the login, which a request reports better.
        if place and place not in error.what:  # One call within another reports the same error.
            error.what = "{0} ({1})".format(error.what.rstrip("."), place)
    return error
