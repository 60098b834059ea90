# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a credential whose values are those of others. Imported when the first one is read."""

from __future__ import annotations

from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple, cast

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Expired, NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.types.composed import ANSWERED_BY, ComposedType

DEEPEST = 8
"""How many credentials may name the next one, in a row."""
MOST_READ = 256
"""How many credentials one read may read in all."""

ReadTogether = Callable[[Iterable[str]], Optional[Mapping[str, Credential]]]
"""Returns the current values of several names in one request; None if each has to be read by itself."""
ReadOne = Callable[[str, Optional[Mapping[str, Credential]]], Credential]
"""Returns a usable credential: out of what was read together, if that is not None."""


class _Walk(NamedTuple):
    """The names on the way from the one that the caller reads to this one, and the names that were read so far."""

    path: Tuple[str, ...]
    read: List[str]


_WALK: ContextVar[Optional[_Walk]] = ContextVar("nebula_credential_composed", default=None)


@dataclass(frozen=True)
class ComposedCredential(Credential):
    """A credential with those that its values are read from. Of a chain it is one: the first valid one."""

    parts: Mapping[str, Credential] = field(default_factory=dict)

    def choose_field(self) -> str:
        origin = self._find_origin(None)
        return super().choose_field() if origin is None else self.parts[origin[0]].choose_field()

    def list_fields(self) -> List[str]:
        origin = self._find_origin(None)
        return super().list_fields() if origin is None else sorted({*self.parts[origin[0]].list_fields(), ANSWERED_BY})

    def read(self, field: str) -> Secret:
        origin = self._find_origin(field)
        if origin is None:
            return super().read(field)
        part = self.parts[origin[0]]
        try:
            return part.read(origin[1] or part.choose_field())
        except CredentialError as error:
            raise _name_reader(copy(error).within(name=part.name), self.name) from None

    def is_hidden(self, field: str) -> bool:
        origin = self._find_origin(field)
        if origin is None:
            return super().is_hidden(field)
        part = self.parts[origin[0]]
        return part.is_hidden(origin[1] or part.choose_field())

    def _find_origin(self, field: Optional[str]) -> Optional[Tuple[str, Optional[str]]]:
        return cast("ComposedType", self.kind).find_origin(self.fields, field, tuple(self.parts))


def compose(credential: Credential, read_together: ReadTogether, read_one: ReadOne) -> ComposedCredential:
    """Read the credentials that this one names, each under the scope of the caller and with its own entry in the audit trail.

    Raises:
        NotFound, Expired: of a chain, all are missing or have expired.
        Unusable: it names itself by way of others, or the row of names is too long, or there are too many of them.
        CredentialError: one of them cannot be read. A chain passes over those that are missing or have expired, and over no other.
    """
    walk = _WALK.get() or _Walk((), [])
    if credential.name in walk.path:
        raise _circle_error(credential.name, walk.path)
    if len(walk.path) >= DEEPEST:
        raise Unusable("'{0}' and others name each other {1} times in a row".format(walk.path[0], DEEPEST), remedy="Name them directly.")
    kind: ComposedType = cast("ComposedType", credential.kind)
    names = kind.list_names(credential.fields)
    token = _WALK.set(_Walk((*walk.path, credential.name), walk.read))
    try:
        if not kind.takes_first_valid:
            return ComposedCredential(credential.record, credential.at, parts=_read_all(names, read_together, read_one))
        answering = _read_first(credential.name, names, read_one)
    finally:
        _WALK.reset(token)
    record = replace(credential.record, state={ANSWERED_BY: Secret(answering.name)})
    return ComposedCredential(record, credential.at, parts={answering.name: answering})


def _read_all(names: Tuple[str, ...], read_together: ReadTogether, read_one: ReadOne) -> Dict[str, Credential]:
    found = read_together(names) if len(names) > 1 else None
    return {name: _read_part(name, found, read_one) for name in names}


def _read_first(chain: str, names: Tuple[str, ...], read_one: ReadOne) -> Credential:
    passed: List[CredentialError] = []
    for name in names:
        try:
            return _read_part(name, None, read_one)
        except (NotFound, Expired) as error:
            passed.append(error)
    what = "none of its credentials is valid: {0}".format(", ".join("{0} ({1})".format(*pair) for pair in zip(names, _list_codes(passed))))
    remedy = "Write one of them again, or name another one in '{0}'.".format(chain)
    raise (Expired if any(isinstance(error, Expired) for error in passed) else NotFound)(what, name=chain, remedy=remedy)


def _list_codes(errors: Iterable[CredentialError]) -> List[str]:
    return [error.code for error in errors]


def _read_part(name: str, found: Optional[Mapping[str, Credential]], read_one: ReadOne) -> Credential:
    walk = cast("_Walk", _WALK.get())
    walk.read.append(name)
    if len(walk.read) > MOST_READ:
        raise Unusable("'{0}' is made of more than {1} credentials".format(walk.path[0], MOST_READ), remedy="Name fewer.")
    try:
        return read_one(name, found)
    except CredentialError as error:
        raise _name_reader(copy(error).within(name=name), walk.path[-1]) from None  # a copy: callers that wait share the error


def _name_reader(error: CredentialError, reader: str) -> CredentialError:
    """Return the error of a part, which says what reads it."""
    error.what = "{0} ('{1}' reads it)".format(error.what, reader)
    return error


def _circle_error(name: str, path: Tuple[str, ...]) -> Unusable:
    circle = " > ".join((*path[path.index(name) :], name))
    return Unusable("it names itself: {0}".format(circle), name=name, remedy="Take one of them out.")
