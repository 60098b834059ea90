# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request for a path of the service behind a store, which is no credential of the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

READ, LIST, WRITE, DELETE = "read", "list", "write", "delete"


@dataclass(frozen=True)
class PathRequest:
    """One request.

    Attributes:
        kind: `read`, `list`, `write` or `delete`.
        path: the path, without a query.
        body: what is sent; None for nothing. It may hold secrets.
        query: the parameters in the address. None is secret.
        wrap_ttl: seconds for which the service keeps the response under a token of its own (wrapping); None for the response itself.
        writing: it changes something at the service: if the response is lost, it is not repeated.
        keep_for: seconds for which the response may answer the same request again; 0 for never. It is never kept past its end.
    """

    kind: str
    path: str
    body: Optional[Mapping[str, Any]] = field(default=None, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    wrap_ttl: Optional[int] = None
    writing: bool = False
    keep_for: int = 0
