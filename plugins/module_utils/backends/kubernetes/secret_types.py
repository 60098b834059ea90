# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The types that Kubernetes defines for Secrets. A new Secret gets the type that fits its fields, which never changes."""

from __future__ import annotations

from typing import Collection, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

OPAQUE_TYPE = "Opaque"


class _Native(NamedTuple):
    """The fields that a type requires, and the fields of a value that gets the type.

    Kubernetes checks `all_of` and `any_of`. `exactly` are the fields of a value that gets the type; with `kind` it need
    not have all of them, but must be of that credential type.
    """

    all_of: Tuple[str, ...]
    any_of: Tuple[str, ...]
    exactly: Tuple[str, ...]
    kind: Optional[str] = None

    def accepts(self, fields: Collection[str]) -> bool:
        return all(field in fields for field in self.all_of) and (not self.any_of or any(field in fields for field in self.any_of))

    def is_made_of(self, fields: Collection[str], kind: str) -> bool:
        if self.kind is not None:
            return kind == self.kind and set(fields) <= set(self.exactly) and self.accepts(fields)
        return set(fields) == set(self.exactly)


_TYPES: Mapping[str, _Native] = {
    "kubernetes.io/basic-auth": _Native((), ("username", "password"), ("username", "password"), "basic"),
    "kubernetes.io/tls": _Native(("tls.crt", "tls.key"), (), ("tls.crt", "tls.key")),
    "kubernetes.io/ssh-auth": _Native(("ssh-privatekey",), (), ("ssh-privatekey",)),
}


def fitting_type(fields: Collection[str], kind: str) -> str:
    """Return the type of a new Secret: a native one if the fields fit exactly, else `Opaque`.

    Args:
        fields: the names of the value's fields.
        kind: the credential's type.
    """
    return next((name for name, native in _TYPES.items() if native.is_made_of(fields, kind)), OPAQUE_TYPE)


def check_type(secret_type: str, fields: Collection[str]) -> None:
    """Check that a Secret of that type accepts these fields.

    Raises:
        InvalidInput: it does not, and its type cannot be changed.
    """
    native = _TYPES.get(secret_type)
    if native is None or native.accepts(fields):
        return
    needed = " and ".join(native.all_of) or " or ".join(native.any_of)
    raise InvalidInput(
        "the Secret is of the type {0}, which needs the field {1}".format(secret_type, needed),
        option="fields",
        remedy="Kubernetes never changes a Secret's type. Delete the credential first, or add that field.",
    )
