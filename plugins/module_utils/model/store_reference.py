# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A selected store: its name for people, and its configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

LOCAL = "local"
INLINE = "inline"
"""The name of a store whose configuration was written inline, without a `name`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def is_store_name(name: object) -> bool:
    """Whether this is the name of a store, and not a whole configuration in one of its forms."""
    return isinstance(name, str) and _NAME.match(name) is not None


def check_store_name(name: object, option: str) -> str:
    """Return `name` if it is a valid name of a store.

    Raises:
        InvalidConfiguration: it is not. The error does not show it: a configuration in place of a name may hold a login.
    """
    if not isinstance(name, str) or not _NAME.match(name):
        remedy = "A store's name is 1 to 64 letters, digits, '.', '_' and '-'."
        raise InvalidConfiguration("the value is not a store's name", option=option, remedy=remedy)
    return name


@dataclass(frozen=True)
class StoreReference:
    """A store by name and resolved configuration. The configuration may hold logins, so it is in no repr.

    `beside` holds the other stores that an operation names, by their role, `mirrors` those that hold copies of it, by name. `file` is the
    configuration file that was read to find it.
    """

    name: str
    config: Mapping[str, Any] = field(repr=False)
    beside: Mapping[str, StoreReference] = field(default_factory=dict)
    file: str = ""
    mirrors: Mapping[str, StoreReference] = field(default_factory=dict)

    @property
    def every(self) -> Tuple[StoreReference, ...]:
        """This store and the other ones."""
        return (self, *self.beside.values())


def inline_store(written: Mapping[str, Any]) -> StoreReference:
    """Return the store that was written inline: its configuration, and optionally the `name` that messages use.

    Raises:
        InvalidConfiguration: the name is not valid.
    """
    config = dict(written)
    name = config.pop("name", None)
    return StoreReference(name=INLINE if name is None else check_store_name(name, "store.name"), config=config)
