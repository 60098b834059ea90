# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every kind of lock by its name: its options, and a function that loads its class. Loads nothing of another kind.

A new kind is its file, and its row here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Mapping, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.locks.options import LEASE

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.locks.base import LockService

Row = Tuple[BackendTraits, "Callable[[], Type[LockService]]"]
"""The options of a kind, besides those of all kinds, and a function that loads its class."""
FILE = "file"


def _file() -> Row:
    traits = BackendTraits(
        spec={
            "path": {"description": "The directory of the lock files, on this machine.", "type": "path", "default": "~/.nebula/write-locks"}
        }
    )

    def load() -> Type[LockService]:
        from ansible_collections.nebula.credential.plugins.module_utils.locks.file import FileLocks

        return FileLocks

    return traits, load


def _kubernetes() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import options

    def load() -> Type[LockService]:
        from ansible_collections.nebula.credential.plugins.module_utils.locks.kubernetes_lease import KubernetesLeases

        return KubernetesLeases

    return options.TRAITS.narrow({**options.SERVER, **LEASE}), load


def _postgresql() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.database import options

    def load() -> Type[LockService]:
        from ansible_collections.nebula.credential.plugins.module_utils.locks.postgresql import PostgresqlLocks

        return PostgresqlLocks

    return options.TRAITS.narrow({**options.PLACE, **options.TLS, **LEASE}), load


def _redis() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.locks import redis_server as server

    traits = BackendTraits(spec={**server.SERVER, **LEASE}, aliases=server.ALIASES, login=server.LOGIN, packages=(server.PACKAGE,))

    def load() -> Type[LockService]:
        from ansible_collections.nebula.credential.plugins.module_utils.locks.redis import RedisLocks

        return RedisLocks

    return traits, load


KINDS: Mapping[str, Callable[[], Row]] = {
    FILE: _file,
    "kubernetes": _kubernetes,
    "postgresql": _postgresql,
    "redis": _redis,
}


def find_aliases(lock: object) -> Mapping[str, str]:
    """Return the other names of the options of a store's `lock`, as it is written; none for what is no lock."""
    kind = lock.get("kind") if isinstance(lock, Mapping) else None
    return find_row(kind)[0].aliases if isinstance(kind, str) and kind in KINDS else {}


def find_row(kind: object) -> Row:
    """Return the row of a kind.

    Raises:
        InvalidConfiguration: there is no such kind; the remedy lists the existing ones.
    """
    if isinstance(kind, str) and kind in KINDS:
        return KINDS[kind]()
    what = "required option is missing" if kind is None else "there is no such kind of lock"
    raise InvalidConfiguration(what, option="kind", remedy="Use one of: {0}.".format(", ".join(KINDS)))
