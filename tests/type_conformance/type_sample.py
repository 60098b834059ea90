# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the suite of types has to know of a type, to make a credential of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional, Tuple, Union

from ansible_collections.nebula.credential.plugins.module_utils.errors import Package
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType


@dataclass(frozen=True)
class TypeSample:
    """One type.

    Attributes:
        name: the name by which stores and tasks name it.
        type: its class; None for a type of the collection itself.
        given: what a task gives for a credential of it, beside the value that the type generates: texts by their fields, or functions that
            return one. With them, it needs all its packages.
        attributes: the attributes of the metadata that it needs, as the declaration of a custom type.
        named: the other credentials that such a credential is made of.
        packages: the packages that it needs for what is given, if these are not all that its class names.
    """

    name: str
    type: Optional[Callable[[], CredentialType]] = None
    given: Mapping[str, Union[str, Callable[[], str]]] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    named: Tuple[str, ...] = ()
    packages: Optional[Tuple[Package, ...]] = None
