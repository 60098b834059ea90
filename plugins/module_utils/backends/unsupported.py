# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors for calls of a protocol that no part of a store does (`backends.protocols`)."""

from __future__ import annotations

from typing import Callable, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, StorageError


def keyless(store: str) -> InvalidInput:
    """The error for a question about the key of a store that has none."""
    return InvalidInput(
        "it is not encrypted by this collection, so it has no key",
        option="store",
        store=store,
        remedy="Name a store that is: a local one with 'format: encrypted', for one, and without 'encrypt: false'.",
    )


def tableless(store: str) -> InvalidInput:
    """The error for a question about the tables of a store that has none."""
    return InvalidInput("it keeps no tables", option="store", store=store, remedy="Name a store whose backend is 'database'.")


def markless(store: str) -> StorageError:
    """The error for accepting an older value where no older value is refused."""
    return StorageError("this store keeps no high-water marks, so nothing is refused as rolled back", store=store)


def no_envelope_rewriter_error(store: str) -> StorageError:
    """The error for rewriting an envelope where none can be rewritten."""
    return StorageError("this backend cannot rewrite an envelope in place", store=store)


def no_audit_sink_error(store: str) -> StorageError:
    """The error for handing entries of the audit trail to a store that keeps none."""
    return StorageError("this store keeps no audit log", store=store)


_ERRORS: Mapping[str, Callable[[str], CredentialError]] = {
    "KeyAdmin": keyless,
    "SchemaAdmin": tableless,
    "AuditSink": no_audit_sink_error,
    "Recoverable": markless,
    "EnvelopeRewriter": no_envelope_rewriter_error,
}
"""By the name of the protocol. A store without one of the others has nothing to do, and nobody requires it."""


def build_unsupported_error(protocol: type, store: str) -> CredentialError:
    """Return the error for a call of `protocol` on a store of which no part does it."""
    return _ERRORS[protocol.__name__](store)
