# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a reader of another tool's files finds: one credential to be."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Tuple, Union


class Found(NamedTuple):
    """One entry.

    Attributes:
        name: its key, as it stands in the file.
        value: the value, for an entry with one; None if it has `fields`.
        fields: the values of an entry with several, by their names; empty if it has a `value`.
        origin: where it is: the file, and its place in there (`line 3`, `data.password`). Nothing secret.
        type: the type that the file itself states (`tls` of a Secret); None if it says nothing.
        description: free text that is not secret; empty if there is none.
        tags: of the entry.
        older: older values of it, the newest first (KeePass's history).
    """

    name: str
    value: Union[str, bytes, None]
    fields: Mapping[str, Union[str, bytes]]
    origin: str
    type: Optional[str] = None
    description: str = ""
    tags: Tuple[str, ...] = ()
    older: Tuple[Union[str, bytes], ...] = ()

    def __repr__(self) -> str:  # values are secret
        return "Found({0!r}, {1!r})".format(self.name, self.origin)
