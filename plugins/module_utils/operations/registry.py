# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every operation by its name. Each is imported when it is first called: a session that only reads loads no rotation.

Import statements, not names in a table, load them: what is sent to a host is chosen by imports that the source shows.
"""

from __future__ import annotations

from typing import Callable, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.model.copies import SYNC
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome

Operation = Callable[..., Outcome]
"""Called with the manager, the parameters, the context and the check mode, and with the managers of other stores by their roles."""

STORE_INFO = "store_info"
CACHE = "cache"


def _get() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.read import get

    return get


def _get_many() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.read import get_many

    return get_many


def _find() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.info import find

    return find


def _credential() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.write import credential

    return credential


def _credential_flow() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.flow import credential_flow

    return credential_flow


def _credential_info() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.info import credential_info

    return credential_info


def _credential_rotate() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import credential_rotate

    return credential_rotate


def _credential_rotate_due() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate_due import credential_rotate_due

    return credential_rotate_due


def _rotation_informed() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.inform import rotation_informed

    return rotation_informed


def _credential_refresh() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.refresh import credential_refresh

    return credential_refresh


def _store_info() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.store_info import store_info

    return store_info


def _audit_info() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.audit_info import audit_info

    return audit_info


def _store_key() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.store_key import store_key

    return store_key


def _store_purge() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.store_purge import store_purge

    return store_purge


def _store_schema() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.store_schema import store_schema

    return store_schema


def _cache() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.cache import cache

    return cache


def _read_sources() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.sources import read_sources

    return read_sources


def _migrate() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.migrate import migrate

    return migrate


def _sync() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.sync import sync

    return sync


def _preflight() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.preflight import preflight

    return preflight


def _scan() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.scan import scan

    return scan


def _vault() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.vault_request import vault

    return vault


def _vault_request() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.vault_request import vault_request

    return vault_request


def _record_deployment() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.deployments import record_deployment

    return record_deployment


def _list_deployments() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.deployments import list_deployments

    return list_deployments


def _adopt() -> Operation:
    from ansible_collections.nebula.credential.plugins.module_utils.operations.adopt import adopt

    return adopt


OPERATIONS: Mapping[str, Callable[[], Operation]] = {
    "get": _get,
    "get_many": _get_many,
    "find": _find,
    "credential": _credential,
    "credential_flow": _credential_flow,
    "credential_info": _credential_info,
    "credential_rotate": _credential_rotate,
    "credential_rotate_due": _credential_rotate_due,
    "rotation_informed": _rotation_informed,
    "credential_refresh": _credential_refresh,
    STORE_INFO: _store_info,
    "audit_info": _audit_info,
    "store_key": _store_key,
    "store_purge": _store_purge,
    "store_schema": _store_schema,
    CACHE: _cache,
    "migrate": _migrate,
    SYNC: _sync,
    "adopt": _adopt,
    "preflight": _preflight,
    "scan": _scan,
    "vault": _vault,
    "vault_request": _vault_request,
    "deploy": _read_sources,
    "run": _read_sources,
    "record_deployment": _record_deployment,
    "list_deployments": _list_deployments,
}
