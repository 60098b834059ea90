# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Batch operations, with one result per item (B2)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Dict, Generator, Generic, Iterable, List, Optional, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.context.progress import count_each
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, as_credential_error

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Result(Generic[Answer]):
    """The result for one item: `answer`, or `error` of the neutral tree."""

    name: str
    answer: Optional[Answer] = None
    error: Optional[CredentialError] = None


def each(
    items: Iterable[Item],
    name_of: Callable[[Item], str],
    work: Callable[[Item], Answer],
    parallelism: Optional[Parallelism] = None,
    broken_off: Callable[[List[Result[Answer]]], None] = lambda _done: None,
) -> List[Result[Answer]]:
    """Call `work` for each item, and return one result per item, in order. After a failure, continue with the other items.

    Args:
        items: what to work on. Items of one name are done one after the other, in order.
        name_of: returns the name of an item.
        work: does one item.
        parallelism: how many are done at the same time, in threads; None: one after the other, in this thread.
        broken_off: called with the results so far if a signal or the like ends the batch. Those in flight have ended then.
    """
    wanted = list(items)
    results: Dict[int, Result[Answer]] = {}

    def do(number: int) -> None:
        name = name_of(wanted[number])
        try:
            results[number] = Result(name, answer=work(wanted[number]))
        except Exception as error:  # noqa: BLE001  # any failure concerns this item only
            results[number] = Result(name, error=as_credential_error(error).within(name=name))

    in_turn = range(len(wanted))
    try:
        with closing(
            _do_in_turn(in_turn, do) if parallelism is None else parallelism.run(_group_by_name(map(name_of, wanted)), do)
        ) as ended:
            for _number in count_each(ended, len(wanted)):
                pass
    except BaseException:
        broken_off([results[number] for number in sorted(results)])
        raise
    return [results[number] for number in in_turn]


def _group_by_name(names: Iterable[str]) -> List[List[int]]:
    """Return the numbers of the items, those of one name together."""
    groups: Dict[str, List[int]] = {}
    for number, name in enumerate(names):
        groups.setdefault(name, []).append(number)
    return list(groups.values())


def _do_in_turn(numbers: Iterable[int], do: Callable[[int], None]) -> Generator[int, None, None]:
    for number in numbers:
        do(number)
        yield number
