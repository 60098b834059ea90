# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Batch operations, with one result per item (B2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Generic, Iterable, List, Optional, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.context.progress import count_each
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, as_credential_error

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Result(Generic[Answer]):
    """The result for one item: `answer`, or `error` of the neutral tree."""

    name: str
    answer: Optional[Answer] = None
    error: Optional[CredentialError] = None


def each(items: Iterable[Item], name_of: Callable[[Item], str], work: Callable[[Item], Answer]) -> List[Result[Answer]]:
    """Call `work` for each item, in order, and return one result per item. After a failure, continue with the next item."""
    results: List[Result[Answer]] = []
    for item in count_each(items):
        name = name_of(item)
        try:
            results.append(Result(name, answer=work(item)))
        except Exception as error:  # noqa: BLE001  # any failure concerns this item only
            results.append(Result(name, error=as_credential_error(error).within(name=name)))
    return results
