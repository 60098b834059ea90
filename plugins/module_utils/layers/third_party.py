# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a third party's backend must not do to a run: hang, raise anything, return anything, or show a value in an error.

It is the innermost layer. Each call runs in a thread of its own, which is left behind if it does not end.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import Any, Callable, Iterable, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter, Health, unhealthy
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Internal, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, BackendCall, InterceptingLayer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag, LastSerial, Record, VersionInfo

_SHORTEST = 4
"""Shorter values are not looked for in messages: too many words hold them."""
_LONGEST_MESSAGE = 1000
_HIDDEN = "(hidden)"


class ContractGuard(InterceptingLayer):
    """Hold a third party's backend to its contract."""

    def __init__(self, inner: Backend, name: str, traits: BackendTraits, reading: float, writing: float) -> None:
        """Wrap `inner`.

        Args:
            inner: the backend.
            name: its name in the configuration.
            traits: its declaration.
            reading: how many seconds a call may take that reads.
            writing: how many one that writes.
        """
        super().__init__(inner)
        self._name = name
        self._secrets = [str(value) for value in (read_part(inner.settings, part) for part in traits.secrets) if value]
        self._reading = reading
        self._writing = writing

    def intercept(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        """Make a call.

        Raises:
            Timeout: it did not end.
            Internal: the backend raised what is no error of this collection; only its class is shown.
            StorageError: it returned what its contract does not say.
            CredentialError: what the backend raised, without the secrets that it was given.
        """
        found = self._carry_out(call, work)
        if not _fits(call, found):
            what = "the backend '{0}' returned to '{1}' what its contract does not say".format(self._name, call.operation)
            raise StorageError(what, name=call.name, remedy=self._remedy).annotate(outcome_unknown=call.writing)
        return found

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        try:
            return super().put(record, expected, create=create)
        except CredentialError as error:
            values = [value.expose().decode("utf-8", "replace") for value in (*record.fields.values(), *record.state.values())]
            raise hide_values(error, values) from None

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        rows = self._carry_out(BackendCall("list"), lambda: iter(self.inner.list(wanted)))
        while True:
            row = self.intercept(BackendCall("list"), lambda: next(rows, None))
            if row is None:
                return
            yield row

    def connect(self) -> None:
        self._carry_out(BackendCall("connect"), self.inner.connect)

    def close(self) -> None:
        self._carry_out(BackendCall("close"), self.inner.close)

    def health(self) -> Health:
        try:
            return self.intercept(BackendCall("health"), self.inner.health)
        except CredentialError as error:
            return unhealthy(error)

    def _carry_out(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        with deadline.within(self._writing if call.writing else self._reading, call.operation):
            found, failure = attempt_in_thread(work, "the backend '{0}'".format(self._name), outcome_unknown=call.writing)
        if failure is not None:
            raise self._translate(failure, call)
        return found  # type: ignore[no-any-return]  # it is what `work` returned

    def _translate(self, failure: BaseException, call: BackendCall) -> CredentialError:
        if isinstance(failure, CredentialError):
            return hide_values(failure, self._secrets)
        what = "the backend '{0}' raised {1} in '{2}'".format(self._name, type(failure).__name__, call.operation)
        return Internal(what, name=call.name, remedy=self._remedy).annotate(outcome_unknown=call.writing)

    @property
    def _remedy(self) -> str:
        return "Report it to the author of that backend, with the operation and its options, without any value."


def attempt_in_thread(work: Callable[[], Any], who: str, *, outcome_unknown: bool = False) -> Tuple[Any, Optional[BaseException]]:
    """Return what a third party's code returns, or what it raises. It runs in a thread of its own, with the time that is left.

    Args:
        work: calls the code.
        who: what runs, for the error.
        outcome_unknown: whether it may have changed something if it does not end.

    Raises:
        Timeout: it did not end. Its thread is left behind.
    """
    answers: List[Tuple[Any, Optional[BaseException]]] = []
    thread = threading.Thread(target=copy_context().run, args=(_attempt, work, answers), name=who, daemon=True)
    thread.start()
    thread.join(deadline.remaining())
    if not answers:
        raise deadline.timeout_error(outcome_unknown=outcome_unknown, server=who)
    return answers[0]


def _attempt(work: Callable[[], Any], answers: List[Tuple[Any, Optional[BaseException]]]) -> None:
    try:
        answers.append((work(), None))
    except BaseException as error:  # noqa: BLE001  # raised in the thread of the caller
        answers.append((None, error))


def hide_values(error: CredentialError, secrets: Iterable[str]) -> CredentialError:
    """Return the error, shortened, with these values hidden and without its causes."""
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            error.what, error.remedy = (str(text).replace(secret, _HIDDEN) for text in (error.what, error.remedy))
    error.what, error.remedy = error.what[:_LONGEST_MESSAGE], error.remedy[:_LONGEST_MESSAGE]
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _fits(call: BackendCall, found: Any) -> bool:
    """Return True if a call may return this."""
    check = _SHAPES.get(call.operation)
    return check is None or check(call, found)


def _is_record(call: BackendCall, found: Any) -> bool:
    return isinstance(found, Record) and call.name in (None, found.name)


def _is_row(_call: BackendCall, found: Any) -> bool:
    return found is None or isinstance(found, Record)


def _are_records(_call: BackendCall, found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(each, Record) and each.name == name for name, each in found.items())


def _are_versions(_call: BackendCall, found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, VersionInfo) for each in found)


def _are_names(_call: BackendCall, found: Any) -> bool:
    return isinstance(found, (list, tuple)) and all(isinstance(each, str) for each in found)


def _is_serial(_call: BackendCall, found: Any) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and found >= 0


def _is_vacancy(_call: BackendCall, found: Any) -> bool:
    return isinstance(found, LastSerial)


def _is_document(_call: BackendCall, found: Any) -> bool:
    return found is None or isinstance(found, bytes)


def _is_health(_call: BackendCall, found: Any) -> bool:
    return isinstance(found, Health)


_SHAPES: Mapping[str, Callable[[BackendCall, Any], bool]] = {
    "get": _is_record,
    "put": _is_record,
    "patch_metadata": _is_record,
    "restore": _is_record,
    "restore_version": _is_record,
    "get_many": _are_records,
    "list": _is_row,
    "versions": _are_versions,
    "find_stages": _are_names,
    "last_serial": _is_serial,
    "read_vacancy": _is_vacancy,
    "read_store_document": _is_document,
    "health": _is_health,
}
"""By operation: whether an answer has its shape."""
