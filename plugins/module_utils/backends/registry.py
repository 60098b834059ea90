# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every backend by its name. Loads only the options of the used backend, and later its class.

A new backend is its folder, and its row here: a function, because what is sent to a host is chosen by imports that the source shows.
The class is loaded here and not in `options.py`, which the class imports.

A third party's backend is one of a collection (`acme.vaulty.shelf`) or of a Python package. The controller adds it to its own processes;
a host never has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend

Row = Tuple[BackendTraits, "Callable[[], Type[Backend]]"]
"""A backend's declaration, and a function that loads its class when a store is opened."""
Filler = Callable[[Mapping[str, Any], Callable[[str], Any]], Mapping[str, Any]]


def _aws() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.backend import Aws

        return Aws

    return TRAITS, load


def _azure() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.backend import Azure

        return Azure

    return TRAITS, load


def _conjur() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur.backend import Conjur

        return Conjur

    return TRAITS, load


def _custom() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.backend import Custom

        return Custom

    return TRAITS, load


def _database() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database

        return Database

    return TRAITS, load


def _delinea() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea.backend import Delinea

        return Delinea

    return TRAITS, load


def _gcp() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.backend import Gcp

        return Gcp

    return TRAITS, load


def _github() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.github.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.github.backend import GitHub

        return GitHub

    return TRAITS, load


def _gitlab() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.gitlab.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.gitlab.backend import GitLab

        return GitLab

    return TRAITS, load


def _kubernetes() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.backend import Kubernetes

        return Kubernetes

    return TRAITS, load


def _local() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.local.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local

        return Local

    return TRAITS, load


def _memory() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory

        return Memory

    return TRAITS, load


def _onepassword() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.backend import OnePassword

        return OnePassword

    return TRAITS, load


def _vault() -> Row:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import TRAITS

    def load() -> Type[Backend]:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.backend import Vault

        return Vault

    return TRAITS, load


BACKENDS: Mapping[str, Callable[[], Row]] = {
    "aws": _aws,
    "azure": _azure,
    "conjur": _conjur,
    "custom": _custom,
    "database": _database,
    "delinea": _delinea,
    "gcp": _gcp,
    "github": _github,
    "gitlab": _gitlab,
    "kubernetes": _kubernetes,
    "local": _local,
    "memory": _memory,
    "onepassword": _onepassword,
    "vault": _vault,
}


_added: Dict[str, Row] = {}


def add_backend(name: str, traits: BackendTraits, backend: Type[Backend]) -> None:
    """Register a third party's backend in this process."""
    _added[name] = (traits, lambda: backend)


def is_third_party(name: object) -> bool:
    """Return True if a backend is a third party's that was added to this process."""
    return isinstance(name, str) and name in _added and name not in BACKENDS


def find_traits(backend: object) -> Optional[BackendTraits]:
    """Return the declaration of a backend, or None if there is no such backend."""
    row = _find_row(backend)
    return None if row is None else row[0]


def read_traits(backend: object) -> BackendTraits:
    """Return the declaration of a backend. Raises InvalidConfiguration as `backend_class` does."""
    return _read_row(backend)[0]


def backend_class(backend: object) -> Type[Backend]:
    """Load a backend and return its class.

    Raises:
        InvalidConfiguration: there is no such backend; the remedy lists the existing ones.
    """
    return _read_row(backend)[1]()


def _find_row(backend: object) -> Optional[Row]:
    if not isinstance(backend, str):
        return None
    return BACKENDS[backend]() if backend in BACKENDS else _added.get(backend)


def _read_row(backend: object) -> Row:
    row = _find_row(backend)
    if row is None:
        remedy = "Choose one of: {0}. One of a Python package must be installed where Ansible runs (docs/how-to/custom-backends.md)."
        known = ", ".join(sorted({*BACKENDS, *_added}))
        raise InvalidConfiguration("there is no backend {0}".format(ascii(backend)), option="backend", remedy=remedy.format(known))
    return row


def _fill_vault() -> Filler:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.play_variables import fill_from_play

    return fill_from_play


_FILLERS: Mapping[str, Callable[[], Filler]] = {"vault": _fill_vault}
"""What reads the variables of plays, for each backend whose declaration has `play_variables`."""


def fill_from_play(backend: str, config: Mapping[str, Any], read: Callable[[str], Any]) -> Mapping[str, Any]:
    """Return the configuration of a store, completed by the variables of the play that its backend declares.

    Args:
        backend: the backend.
        config: the configuration, with the backend's own names of its options.
        read: returns the value of an Ansible variable, its templates resolved; None if it is not set.

    Raises:
        InvalidConfiguration: a variable is set that stores do not follow, or cannot be resolved.
    """
    return _FILLERS[backend]()(config, read)
