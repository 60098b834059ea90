# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store that was chosen: its name for people, and its configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

LOCAL = "local"
INLINE = "inline"
"""What a store is called whose configuration was written in place, without a `name`."""


@dataclass(frozen=True)
class StoreReference:
    """A store by name and resolved configuration. The configuration may hold logins: it is in no repr."""

    name: str
    config: Mapping[str, Any] = field(repr=False)


def inline_store(written: Mapping[str, Any]) -> StoreReference:
    """Read a store written in place: its configuration, and optionally the `name` that messages use."""
    config = dict(written)
    name = str(config.pop("name", None) or INLINE)
    return StoreReference(name=name, config=config)
