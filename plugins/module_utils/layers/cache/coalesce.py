# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads that arrive while another one is under way go together, in one request (A14).

Nobody waits for company: whoever finds nothing under way asks at once. The others wait for that one's answer, or `PATIENCE`, and
then one of them asks for all.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from copy import copy
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

PATIENCE = 0.05
"""Seconds for which a read waits for one that is under way: a request that hangs must not keep all others."""


class _Wish:
    """A name that somebody waits for. The answer is None where it has to be asked for alone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken = False
        self.answer: Future[Optional[Record]] = Future()


class Gathering:
    """Reads current values one by one or several at once, whichever costs fewer requests; answers and errors are those of one by one."""

    def __init__(
        self,
        one: Callable[[str], Record],
        several: Callable[[Sequence[str]], Dict[str, Record]],
        for_all: Tuple[Type[Exception], ...],
        went_along: Callable[[int], None] = lambda _number: None,
    ) -> None:
        """Take what reads.

        Args:
            one: reads a name.
            several: reads names; those of which there is none are left out.
            for_all: the errors of `several` that hold for each of the names. After another one each is asked for alone.
            went_along: hears how many reads cost no request of their own.
        """
        self._one = one
        self._several = several
        self._for_all = for_all
        self._went_along = went_along
        self._changed = threading.Condition()
        self._waiting: List[_Wish] = []
        self._under_way = 0

    def read(self, name: str) -> Record:
        """What `one` would answer or raise."""
        wish = _Wish(name)
        together = self._turn(wish)
        if together:
            self._ask(together)
        record = wish.answer.result()
        return self._one(name) if record is None else record

    def _turn(self, wish: _Wish) -> List[_Wish]:
        """Wait until it is this one's turn; then everybody who waits is its to ask for. Nobody where another one has taken it along."""
        with self._changed:
            self._waiting.append(wish)
            self._changed.wait_for(lambda: wish.taken or not self._under_way, PATIENCE)
            if wish.taken:
                return []
            together, self._waiting = self._waiting, []
            for each in together:
                each.taken = True
            self._under_way += 1
            self._changed.notify_all()
        return together

    def _ask(self, together: List[_Wish]) -> None:
        names = list(dict.fromkeys(wish.name for wish in together))
        try:
            found = self._several(names) if len(names) > 1 else {names[0]: self._one(names[0])}
        except Exception as error:  # noqa: BLE001  # those who wait are told
            self._tell(together, error if len(names) == 1 or isinstance(error, self._for_all) else None)
        except BaseException:  # it is about this one alone, which has to be told; the others ask for themselves
            self._tell(together, None)
            raise
        else:
            for wish in together:
                wish.answer.set_result(found.get(wish.name))  # of what is not among them, asking alone tells why
            if len(names) > 1:
                self._went_along(len(found) - 1)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    @staticmethod
    def _tell(together: List[_Wish], error: Optional[Exception]) -> None:
        for wish in together:
            if error is None:
                wish.answer.set_result(None)
            else:
                wish.answer.set_exception(copy(error))  # each will carry its own name
