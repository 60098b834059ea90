# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the credentials of a store are copied to: the option `mirror` of its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput, suggest
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import check_store_name

OPTION = "mirror"
KEEP, REMOVE = "keep", "remove"
ON_DELETE = (KEEP, REMOVE)
_PARTS = ("to", "names", "prefix", "on_delete", "other_tenant")
_FORM = "Write the name of a store, or '{to: NAME, names: […], prefix: …, on_delete: keep, other_tenant: false}'."


@dataclass(frozen=True)
class Mirror:
    """One store that holds copies.

    Attributes:
        to: its name.
        names: the names that are copied, each with the name of its copy, or None for the rule of the store. None: not by name.
        prefix: what the names that are copied begin with. With neither, every credential of the store is copied.
        on_delete: whether the copy of a deleted credential stays (`keep`) or is deleted as well (`remove`).
        other_tenant: copy although the other store has another tenant.
    """

    to: str
    names: Optional[Mapping[str, Optional[str]]] = None
    prefix: str = ""
    on_delete: str = KEEP
    other_tenant: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether every credential of the store is copied."""
        return self.names is None and not self.prefix

    def selects(self, name: str) -> bool:
        """Whether a credential is copied."""
        return name.startswith(self.prefix) if self.names is None else name in self.names

    def name_of_copy(self, name: str) -> Optional[str]:
        """Return the name that the configuration gives a copy; None if it gives none."""
        return None if self.names is None else self.names.get(name)

    def write(self) -> Dict[str, Any]:
        """Return it as JSON-like data, which `read_mirror` takes."""
        names = {} if self.names is None else {"names": dict(self.names)}
        prefix = {"prefix": self.prefix} if self.prefix else {}
        return {"to": self.to, **names, **prefix, "on_delete": self.on_delete, "other_tenant": self.other_tenant}


def read_mirrors(written: Any) -> Tuple[Mirror, ...]:
    """Return the mirrors of a store, as its configuration has them.

    Raises:
        InvalidConfiguration: it is no list of them, one has an unknown part, or two name one store.
    """
    if written is None:
        return ()
    if not isinstance(written, (list, tuple)):
        raise InvalidConfiguration("it is a {0}".format(type(written).__name__), option=OPTION, remedy="Write a list. " + _FORM)
    mirrors = tuple(read_mirror(each) for each in written)
    if len({each.to for each in mirrors}) < len(mirrors):
        raise InvalidConfiguration("it names a store twice", option=OPTION, remedy="Name each store once.")
    return mirrors


def read_mirror(written: Any) -> Mirror:
    """Return one mirror.

    Raises:
        InvalidConfiguration: a part is unknown or wrong.
    """
    if not isinstance(written, Mapping):
        return Mirror(check_store_name(written, OPTION))
    unknown = sorted(str(part) for part in written if part not in _PARTS)
    if unknown:
        remedy = "{0}It takes: {1}.".format(suggest(unknown[0], _PARTS), ", ".join(_PARTS))
        raise InvalidConfiguration("there is no part {0}".format(ascii(unknown[0])), option=OPTION, remedy=remedy)
    to = check_store_name(written.get("to"), OPTION + ".to")
    prefix, other_tenant = written.get("prefix", ""), written.get("other_tenant", False)
    on_delete = written.get("on_delete", KEEP)
    if not isinstance(prefix, str) or ("prefix" in written and not prefix):
        raise InvalidConfiguration("it is no text", option=OPTION + ".prefix", remedy="Write what names begin with, or leave it out.")
    if not isinstance(other_tenant, bool):
        raise InvalidConfiguration("it is no boolean", option=OPTION + ".other_tenant", remedy="Write true or false.")
    if on_delete not in ON_DELETE:
        raise InvalidConfiguration("the value is not allowed", option=OPTION + ".on_delete", remedy="Write keep or remove.")
    names = _read_names(written["names"]) if "names" in written else None
    if names is not None and prefix:
        raise InvalidConfiguration("'names' selects already", option=OPTION + ".prefix", remedy="Leave 'prefix' or 'names' out.")
    return Mirror(to, names, prefix, on_delete, other_tenant)


def _read_names(written: Any) -> Dict[str, Optional[str]]:
    option = OPTION + ".names"
    if not isinstance(written, (list, tuple, Mapping)) or not written:
        remedy = "Write a list of names, or a mapping of each name to that of its copy."
        raise InvalidConfiguration("it is no list of names", option=option, remedy=remedy)
    names = dict(written) if isinstance(written, Mapping) else dict.fromkeys(written)
    for name in (*names, *(copy for copy in names.values() if copy is not None)):
        try:
            check_name(name)
        except InvalidInput as problem:
            raise InvalidConfiguration(problem.what, option=option, remedy=problem.remedy) from None
    copies = [copy for copy in names.values() if copy is not None]
    if len(set(copies)) < len(copies):
        raise InvalidConfiguration("two credentials have one name for their copies", option=option, remedy="Give each another name.")
    return names
