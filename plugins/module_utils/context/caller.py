# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The current caller: known to every layer without a parameter, per thread and per task.

The manager sets the caller; the scope guard and the audit trail read it. The default is a caller that asserts nothing, so
every credential with a scope is refused.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from datetime import datetime
from typing import Iterator, List, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext

REFRESH = "refresh"
"""The operation of every refresh, whatever its caller does: its reads bypass the cache, and do not count as use."""


@dataclass(frozen=True)
class Caller:
    """The caller and its current operation.

    Attributes:
        context: the caller.
        operation: as the module or lookup calls it (`get`, `credential_rotate`); None for a direct call of the library.
        cacheable: the operation may return a cached value.
    """

    context: AccessContext = AccessContext()
    operation: Optional[str] = None
    cacheable: bool = True


_NOW: ContextVar[Caller] = ContextVar("nebula_credential_asking", default=Caller())  # noqa: B039  # it is frozen


def current_caller() -> Caller:
    """Return the caller of this thread."""
    return _NOW.get()


_CHECKED: ContextVar[Optional[str]] = ContextVar("nebula_credential_scope_checked", default=None)


def is_scope_checked(name: str) -> bool:
    """Return True if the caller's scope was checked for this credential, so that it is not checked again for each of its values."""
    return _CHECKED.get() == name


@contextmanager
def scope_checked(name: str) -> Iterator[None]:
    """Inside the `with` block, values of the credential `name` pass the scope guard: its current value was checked before.

    An older version may have another scope than the current one, and an export or import handles all of them.
    """
    token = _CHECKED.set(name)
    try:
        yield
    finally:
        _CHECKED.reset(token)


class Use(NamedTuple):
    """A credential whose value was read to be used. Never its value."""

    name: str
    version: Optional[str]
    expires_at: Optional[datetime]


_USES: ContextVar[Optional[List[Use]]] = ContextVar("nebula_credential_uses", default=None)


@contextmanager
def collecting_uses() -> Iterator[List[Use]]:
    """Collect the credentials that are read in the `with` block, one entry for each read."""
    uses: List[Use] = []
    token = _USES.set(uses)
    try:
        yield uses
    finally:
        _USES.reset(token)


def note_use(name: str, version: Optional[str], expires_at: Optional[datetime]) -> None:
    """Add a credential to those that are collected, if they are."""
    uses = _USES.get()
    if uses is not None:
        uses.append(Use(name, version, expires_at))


class acting_as:  # noqa: N801  # read as a statement: with asked_by(context)
    """Inside the `with` block, `context` is the caller. A class, not a generator, because every read passes here."""

    __slots__ = ("_asking", "_token")

    def __init__(self, context: AccessContext, operation: Optional[str] = None, *, cacheable: bool = True) -> None:
        """Take the caller, and the operation with its trait `cacheable`. Without an operation both are those of the outer block."""
        outer = _NOW.get()
        self._asking = Caller(context, operation, cacheable) if operation else Caller(context, outer.operation, outer.cacheable)
        self._token: Optional[Token[Caller]] = None

    def __enter__(self) -> Caller:
        self._token = _NOW.set(self._asking)
        return self._asking

    def __exit__(self, *_error: object) -> None:
        if self._token is not None:
            _NOW.reset(self._token)
