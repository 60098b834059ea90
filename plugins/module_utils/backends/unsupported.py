# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors for a protocol's call that no part of a store supports (`backends.protocols`)."""

from __future__ import annotations

from typing import Callable, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, StorageError


def no_key_error(store: str) -> InvalidInput:
    """Return the error for an operation on the key of a store that has none."""
    return InvalidInput(
        "it is not encrypted by this collection, so it has no key",
        option="store",
        store=store,
        remedy="Name a store that is: for example a local one with 'format: encrypted' and without 'encrypt: false'.",
    )


def no_schema_error(store: str) -> InvalidInput:
    """Return the error for an operation on the tables of a store that has none."""
    return InvalidInput("it keeps no tables", option="store", store=store, remedy="Name a store whose backend is 'database'.")


def no_high_water_marks_error(store: str) -> StorageError:
    """Return the error for accepting an older value in a store that refuses none."""
    return StorageError("this store keeps no high-water marks, so it refuses no value as rolled back", store=store)


def no_envelope_rewriter_error(store: str) -> StorageError:
    """Return the error for rewriting an envelope in a backend that cannot."""
    return StorageError("this backend cannot rewrite an envelope in place", store=store)


def no_version_remover_error(store: str) -> StorageError:
    """Return the error for removing one version in a store that keeps none."""
    return StorageError("this store keeps no older versions", store=store)


def no_audit_sink_error(store: str) -> StorageError:
    """Return the error for audit entries sent to a store that keeps none."""
    return StorageError("this store keeps no audit log", store=store)


def no_password_policies_error(store: str) -> InvalidInput:
    """Return the error for generating a value by a policy of a service that has none."""
    remedy = "Use another 'kind', for example 'pattern' or 'password' with its options."
    return InvalidInput("the service of this store has no password policies", option="generate", store=store, remedy=remedy)


def no_path_requests_error(store: str) -> InvalidInput:
    """Return the error for a request for a path of a service that has none."""
    remedy = "Name a store on a server of HashiCorp Vault or OpenBao."
    return InvalidInput("the service of this store has no paths that can be requested", option="store", store=store, remedy=remedy)


_ERRORS: Mapping[str, Callable[[str], CredentialError]] = {
    "KeyAdmin": no_key_error,
    "SchemaAdmin": no_schema_error,
    "AuditSink": no_audit_sink_error,
    "VersionRemover": no_version_remover_error,
    "Recoverable": no_high_water_marks_error,
    "PasswordPolicies": no_password_policies_error,
    "EnvelopeRewriter": no_envelope_rewriter_error,
    "PathRequests": no_path_requests_error,
}
"""By the name of the protocol. Callers do not require the other protocols: a store without them has nothing to do."""


def build_unsupported_error(protocol: type, store: str) -> CredentialError:
    """Return the error for a call of `protocol` on a store in which no part supports it."""
    return _ERRORS[protocol.__name__](store)
