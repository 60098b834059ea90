# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A migration: all credentials are copied and compared, those that changed meanwhile once more; then the sources are deleted, if wanted."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Callable, ContextManager, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, Duplicate, Internal
from ansible_collections.nebula.credential.plugins.module_utils.migration.item import Item
from ansible_collections.nebula.credential.plugins.module_utils.migration.mover import MOVED, Mover, Options, Transfer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result, each
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism

ROUNDS = 3
"""How often all sources are compared with what was copied."""
NAMED = 3
"""How many credentials an error names."""

Answer = TypeVar("Answer")
Work = TypeVar("Work")


@dataclass
class Done:
    """What a migration has done so far: for each credential, by its name in the source, either what was done or why it failed.

    Names, states and numbers only, so that 100,000 credentials fit: values are held while they are copied.
    """

    transfers: Dict[str, Transfer] = field(default_factory=dict)
    failures: Dict[str, CredentialError] = field(default_factory=dict)

    def take(self, results: Iterable[Result[Transfer]]) -> None:
        """Add results. A failure replaces what was done before."""
        for result in results:
            if result.answer is not None:
                self.transfers[result.name] = result.answer
            else:
                self.failures[result.name] = result.error or Internal("there is no result")

    def list_sound(self) -> List[Transfer]:
        """Return what was done with the credentials that did not fail and are in both stores."""
        return [one for name, one in self.transfers.items() if name not in self.failures and one.action != MOVED]


class Migration:
    """Migrates credentials from one store to another."""

    def __init__(self, source: CredentialManager, destination: CredentialManager, caller: AccessContext, options: Options) -> None:
        """Take both stores.

        Raises:
            InvalidInput: one of both keeps no credentials, or both are one place under two names.
        """
        here, there = source.portability(caller), destination.portability(caller)
        here.check_apart(there)
        self._source = source
        self._destination = destination
        self._caller = caller
        self._options = options
        self._mover = Mover(here, there, options)
        self._parallelism, self._second = _join(source.parallelism, destination.parallelism)
        self.done = Done()

    def run(self, items: Sequence[Item], selected_by: Optional[Filter]) -> Done:
        """Migrate. One failure does not hinder the others; but if one fails, no source is deleted.

        Args:
            items: the credentials.
            selected_by: what has selected them, if not their names: then one listing shows which of them have changed meanwhile.
        """
        self.done.failures.update(_find_clashes(items))
        self._do([item for item in items if item.name not in self.done.failures], lambda item: item.name, self._mover.copy)
        if self._options.check:
            self._plan_deletes()
            return self.done
        for _round in range(ROUNDS):
            changed = [one for one in self._find_changed(selected_by) if one.item.name not in self.done.failures]
            if not changed:
                break
            self._do(changed, _name_of, lambda one: self._mover.copy(one.item, one))
        else:
            self._refuse_restless(selected_by)
        if self._options.delete and not self.done.failures:
            self._do(self.done.list_sound(), _name_of, self._mover.delete)
        return self.done

    def _do(self, wanted: Sequence[Work], name_of: Callable[[Work], str], work: Callable[[Work], Transfer]) -> None:
        self.done.take(each(wanted, name_of, self._within(work), self._parallelism, self._break_off))

    def _break_off(self, results: List[Result[Transfer]]) -> None:
        """Warn how far a migration was that was broken off: it has no result to show that."""
        self.done.take(results)
        written = sum(one.has_effect for one in self.done.transfers.values())
        what = "store '{0}': the migration to '{1}' was broken off. {2} credentials were written there, each as a whole. Run it again."
        self._source.backend.context.warn(what.format(self._source.store, self._destination.store, written))

    def _within(self, work: Callable[[Work], Answer]) -> Callable[[Work], Answer]:
        """Return `work` that counts in the number of operations in flight of both stores."""

        def do(one: Work) -> Answer:
            with self._second():
                return work(one)

        return do

    def _find_changed(self, selected_by: Optional[Filter]) -> List[Transfer]:
        """Return what was done with the credentials whose source is no longer in the state that was copied."""
        sound = self.done.list_sound()
        if selected_by is None:
            results = each(sound, _name_of, self._within(self._mover.is_unchanged), self._parallelism)
            unchanged = {result.name for result in results if result.answer}
        else:
            states = {one.item.name: one.source for one in sound}
            unchanged = {
                row.name
                for row in self._source.list(selected_by, self._caller)
                if row.record.problem is None and Etag(row.record.version, row.record.revision) == states.get(row.name)
            }
        return [one for one in sound if one.item.name not in unchanged]

    def _plan_deletes(self) -> None:
        """Let a plan say that nothing would be deleted if one credential would fail."""
        if self.done.failures:
            self.done.transfers = {name: one._replace(deleted=False) for name, one in self.done.transfers.items()}

    def _refuse_restless(self, selected_by: Optional[Filter]) -> None:
        """Fail those that still change."""
        for result in each(self._find_changed(selected_by), _name_of, self._within(self._mover.is_unchanged), self._parallelism):
            if not result.answer:
                what = "it was changed in store '{0}' each time it was copied".format(self._source.store)
                error = Conflict(what, name=result.name, remedy="Run it again when there are fewer writes.")
                self.done.failures.setdefault(result.name, result.error or error)


def _name_of(one: Transfer) -> str:
    return one.item.name


def _find_clashes(items: Sequence[Item]) -> Dict[str, CredentialError]:
    """Return the error for each credential whose name in the destination another one would get, too."""
    counts = Counter(item.to for item in items)
    clashes: Dict[str, List[str]] = {}
    for item in items:
        if counts[item.to] > 1:
            clashes.setdefault(item.to, []).append(item.name)
    return {name: _build_clash_error(to, names).within(name=name) for to, names in clashes.items() for name in names}


def _build_clash_error(to: str, names: Sequence[str]) -> CredentialError:
    shown = ", ".join("'{0}'".format(name) for name in names[:NAMED]) + (", …" if len(names) > NAMED else "")
    what = "{0} credentials would get the name '{1}': {2}".format(len(names), to, shown)
    return Duplicate(what, remedy="Change 'transform.name' so that each gets a name of its own. None of them was written.")


def _join(
    source: Optional[Parallelism], destination: Optional[Parallelism]
) -> Tuple[Optional[Parallelism], Callable[[], ContextManager[None]]]:
    """Return the number of operations in flight whose threads do the work, and the other one, which each of them takes part in.

    They are always taken in the same order, so that two migrations, there and back, never wait for each other.
    """
    known = sorted((one for one in (source, destination) if one is not None), key=lambda one: (-one.most, id(one)))
    if len(known) < 2 or known[0] is known[1]:
        return (known[0] if known else None), nullcontext
    return known[0], partial(_taking_off, known[1])


@contextmanager
def _taking_off(parallelism: Parallelism) -> Iterator[None]:
    with parallelism.taking_off():
        yield
