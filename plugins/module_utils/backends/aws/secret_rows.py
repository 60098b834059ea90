# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One row of a listing of secrets, from what AWS tells without a value."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_requests import find_version, read_tags
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_text import read_time
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.version_ids import OURS, read_id, read_record
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope


def read_row(name: str, stage: str, info: Mapping[str, Any], tenant: str) -> StoredObject:
    """Return the object of a description or a row of `ListSecrets`: no fields."""
    token, tags = find_version(info) or "", read_tags(info)
    known = read_id(token)
    if known is None:
        return StoredObject(_read_foreign(name, stage, info, tags, tenant), token, foreign_token=token)
    try:
        return StoredObject(read_record(name, stage, known, tags), token)
    except CredentialError as problem:
        return StoredObject(Record(name, stage=stage), token, problem=problem)


def _read_foreign(name: str, stage: str, info: Mapping[str, Any], tags: Mapping[str, str], tenant: str) -> Record:
    created = read_time(info.get("CreatedDate")) or datetime(1970, 1, 1, tzinfo=timezone.utc)
    changed = read_time(info.get("LastChangedDate")) or created
    shown = {key: value for key, value in tags.items() if not key.startswith((OURS, "aws:"))}
    metadata = Metadata(created, changed, description=str(info.get("Description") or ""), tags=shown, scope=Scope(tenant=tenant))
    return Record(name, stage=stage, metadata=metadata)
