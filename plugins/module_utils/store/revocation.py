# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ending the tokens of a credential at their service, before the credential is deleted. Imported when a task wants it."""

from __future__ import annotations

from typing import Any, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import check_takes_writes
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Reader
from ansible_collections.nebula.credential.plugins.module_utils.store.refusals import check_expected, refuse_while_rotating


def revoke_at_service(manager: CredentialManager, name: str, expected: Optional[str], check: bool) -> Optional[str]:
    """Have a service end the tokens of a credential. Use it within `CredentialManager.acting`.

    Args:
        manager: the manager of the store.
        name: the credential. Nothing is sent if there is none.
        expected: the version that it must have; None for any.
        check: send nothing.

    Returns:
        The version whose tokens were ended, which alone may be deleted now; None if there is no credential.

    Raises:
        InvalidInput: its type has no tokens that a service ends.
        Conflict, RotationInProgress: it would not be deleted, or is being refreshed.
        CredentialError: the store takes no writes, or the service refuses or does not respond.
    """
    found = Reader(manager.backend, manager.clock).find(name)
    if found is None:
        return None
    check_expected(found, expected)
    refuse_while_rotating(found)
    if found.metadata.lifecycle == lifecycle.REFRESHING:
        remedy = "Run it again in a moment. If the process that refreshed it has died, reading the credential ends the refresh."
        raise Conflict("it is being refreshed, and the token of the response would stay valid", name=name, remedy=remedy)
    kind: Any = found.kind
    if not kind.capabilities.revocation:
        what = "no service ends tokens of the type '{0}' on request".format(kind.name)
        raise InvalidInput(what, name=name, option="revoke_tokens", remedy="Leave it out.")
    check_takes_writes(manager.backend, name)
    if not check:
        try:
            kind.revoke_tokens(found.fields, found.record.state)
        except CredentialError as problem:
            kept = "The credential was not deleted. Without 'revoke_tokens' nothing is sent to the service."
            problem.remedy = "{0} {1}".format(problem.remedy, kept).strip()
            raise problem.within(name=name) from None
    return found.version
