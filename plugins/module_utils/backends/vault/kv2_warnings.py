# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user should know after a write to KV version 2 that has succeeded."""

from __future__ import annotations

from datetime import datetime
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Version


def warn_about_end(context: BackendContext, name: str, written: Version) -> None:
    """Warn if the server will delete the new version by itself."""
    if written.ends_at is None:
        return
    what = "store '{0}': the server deletes version {1} of '{2}' at {3}, by 'delete_version_after' of the secret or its mount. {4}"
    remedy = "Write a new value before that; or set it to 0s, of both, and write the value again."
    context.warn(what.format(context.store, written.number, name, written.ends_at.isoformat(), remedy))


def warn_about_deleted(context: BackendContext, name: str, written: Version, deleted_at: Optional[datetime]) -> None:
    """Warn if the name was that of a credential that could still be brought back."""
    if deleted_at is None:
        return
    what = "store '{0}': '{1}' was deleted at {2}, and is now a new credential of that name. {3}"
    remedy = "The old value comes back with 'state: restored' and 'version: \"{0}\"'.".format(written.number - 1)
    context.warn(what.format(context.store, name, deleted_at.isoformat(), remedy))
