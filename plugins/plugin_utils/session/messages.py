# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Outcomes and errors as JSON, to send between a session and its run."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Internal
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking

_PLACES = ("what", "remedy", "option", "name", "store")
_HAPPENED = ("retry_after", "outcome_unknown")


def describe_outcome(outcome: Outcome) -> dict[str, Any]:
    """Describe an outcome: the result, the secrets in it, and (if ansible-core masks) the texts to mask."""
    secrets = [base64.b64encode(secret.expose()).decode("ascii") for secret in outcome.secrets]
    return {"result": outcome.result, "secrets": secrets, "mask": masking.forms(outcome.secrets)}


def outcome_of(reply: Mapping[str, Any]) -> Outcome:
    """Return the outcome that `describe_outcome` wrote.

    Raises:
        CredentialError: the response is an error that `describe_error` wrote.
    """
    if "error" in reply:
        raise error_from(reply["error"])
    return Outcome(dict(reply["result"]), tuple(Secret(base64.b64decode(secret)) for secret in reply["secrets"]))


def describe_error(error: CredentialError) -> dict[str, Any]:
    """Describe an error of the neutral tree."""
    return {"code": error.code, **{place: getattr(error, place) for place in (*_PLACES, *_HAPPENED)}}


def error_from(described: Mapping[str, Any]) -> CredentialError:
    """Return the error that `describe_error` wrote, in the same class."""
    kind = kinds_by_code().get(described["code"], Internal)
    error = kind(described["what"], **{place: described[place] for place in _PLACES[1:]})
    return error.annotate(**{place: described[place] for place in _HAPPENED})


def kinds_by_code(kind: type[CredentialError] = CredentialError) -> dict[str, type[CredentialError]]:
    """Return the classes of the tree by code. Subclasses that a module defines for itself have the same code, and are left out."""
    known: dict[str, type[CredentialError]] = {}
    for one in kind.__subclasses__():
        known.update({**kinds_by_code(one), one.code: one} if "code" in vars(one) else {})
    return known
