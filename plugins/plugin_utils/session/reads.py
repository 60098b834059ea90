# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lookups of this worker have read so far. Its task was templated in the same process, so nothing of the task is missing."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.session import endpoint

LOOKUP = "ansible_collections.nebula.credential.plugins.lookup.get"
"""The lookup notes by itself what the session returns to it: on a hit it loads no other file."""

Read = Mapping[str, Any]
"""The `result` of a read, and its `secrets` in base64."""


def note_read(outcome: Outcome) -> None:
    """Note what a lookup has read, if this process is a worker: a controller lives longer than a task."""
    if endpoint.current_task() is not None:
        secrets = [base64.b64encode(secret.expose()).decode("ascii") for secret in outcome.secrets]
        endpoint.READS.append({"result": outcome.result, "secrets": secrets})


def list_reads() -> list[Read]:
    """Return what the lookups have read, those of the session first. Nothing outside a worker."""
    return [*getattr(sys.modules.get(LOOKUP), "READS", ()), *endpoint.READS]


def list_versions(reads: Iterable[Read]) -> dict[str, str]:
    """Return the versions of the credentials that were read, by name."""
    versions: dict[str, str] = {}
    for read in reads:
        result = read["result"]
        if "value" in result:
            versions[result["name"]] = str(result["version"])
        versions.update(result.get("versions") or {})
    return versions


def list_secrets(reads: Iterable[Read]) -> list[Secret]:
    """Return the secret values that were read."""
    return [Secret(base64.b64decode(secret)) for read in reads for secret in read["secrets"]]
