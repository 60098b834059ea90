# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Places that take values and give none back: secrets and variables of CI services. Only a sync writes there.

A place has one text under a name of its own. What the text was copied from is recorded at the place, beside it.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from itertools import count
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Capabilities, Filter, Health, unhealthy
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import CopyNaming, Limited, Located
from ansible_collections.nebula.credential.plugins.module_utils.backends.reader import UNKNOWN
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_connection import ServiceConnection
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, InvalidToken, WriteOnly
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import ATTRIBUTE, CHANGED_OUTSIDE, CopyMark, is_copy, read_mark
from ansible_collections.nebula.credential.plugins.module_utils.model.names import read_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Metadata, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

VALUE = "value"
"""The one field of what is written."""


class Listed(NamedTuple):
    """A value of the place, without the value. `mark` is what was recorded with it; None if nothing was, or nothing that can be read.

    `change` says how it was changed after the last sync; empty if it was not.
    """

    name: str
    mark: Optional[CopyMark] = None
    change: str = ""
    updated_at: datetime = UNKNOWN


class WriteOnlyPlace(Backend, Located, CopyNaming, Limited):
    """A place of one service."""

    capabilities = Capabilities(native=True, remote=True, write_only=True, server_side_encryption=True)
    default_retries = 3
    service = "the service"
    """Its name, for messages."""
    container = "a value"
    _connection: ServiceConnection

    def connect(self) -> None:
        """Load the packages. The first operation sends the first request."""
        self._connection.prepare()

    def close(self) -> None:
        self._connection.close()

    @abstractmethod
    def check_name(self, name: str) -> None:
        """Raise InvalidInput if the service takes no value of this name."""

    @abstractmethod
    def check_value(self, text: str) -> None:
        """Raise InvalidInput if the service does not take this text."""

    @abstractmethod
    def write_value(self, name: str, value: Secret, mark: CopyMark) -> None:
        """Write a value, and what it was copied from. Whatever comes between both, a repeated write mends it."""

    @abstractmethod
    def delete_value(self, name: str) -> None:
        """Delete a value, and what was recorded with it. One that is gone is no error: a repeated request finds none."""

    @abstractmethod
    def list_values(self) -> Iterator[Listed]:
        """Yield what is there."""

    @abstractmethod
    def check_health(self) -> None:
        """Raise why the service cannot be used. Sends one request."""

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        if record.stage != CURRENT or not is_copy(record.full_metadata) or set(record.fields) != {VALUE}:
            self._refuse(record.name)
        self.check_copy(record)
        mark = read_mark(record.full_metadata.attributes)
        self.write_value(record.name, record.fields[VALUE], mark)
        return Record(record.name, record.type, record.fields, metadata=record.metadata, version=mark.version)

    def check_copy(self, record: Record) -> None:
        try:
            self.check_name(record.name)
            self.check_value(_read_text(record.fields[VALUE]))
        except CredentialError as problem:
            raise problem.within(name=record.name) from None

    def measure_value(self, record: Record) -> int:
        return sum(len(value) for value in record.fields.values())

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        self.check_name(name)
        self.delete_value(name)

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        if wanted.stage != CURRENT:
            return
        for listed in self.list_values():
            if read_name(listed.name) is not None and listed.name.startswith(wanted.prefix):
                yield Record(listed.name) if wanted.names_only else self._build_row(listed)

    def _build_row(self, listed: Listed) -> Record:
        attributes: Dict[str, Any] = {} if listed.mark is None else {ATTRIBUTE: listed.mark.write()}
        if listed.change:
            attributes[CHANGED_OUTSIDE] = listed.change
        scope = Scope(tenant=self.settings.get("tenant") or DEFAULT_TENANT)
        metadata = Metadata(listed.updated_at, listed.updated_at, scope=scope, attributes=attributes)
        return Record(listed.name, metadata=metadata, version=listed.mark.version if listed.mark else "unknown")

    def health(self) -> Health:
        try:
            self.check_health()
        except CredentialError as problem:
            return unhealthy(problem)
        return Health()

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        self._refuse(name)

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        self._refuse(record.name)

    def versions(self, name: str) -> List[VersionInfo]:
        self._refuse(name)

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        return 0

    def read_store_document(self) -> Optional[bytes]:
        return None

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self._refuse(None)

    def _refuse(self, name: Optional[str]) -> NoReturn:
        what = "{0} gives no value back, and takes copies alone".format(self.service)
        remedy = "Name this store in 'mirror' of the store that has the credential, and read it from there."
        raise WriteOnly(what, remedy=remedy).within(name=name, store=self.context.store)


def read_pages(read: Callable[[int], List[Any]], size: int, junk: Callable[[], CredentialError]) -> Iterator[Any]:
    """Yield the entries of all pages. `read` returns those of a page by its number; the last one has fewer than `size`.

    Raises:
        CredentialError: two pages are the same: what responds ignores the number, and there would be no end. `junk` returns it.
    """
    before: List[Any] = []
    for number in count(1):
        page = read(number)
        if page and page == before:
            raise junk()
        yield from page
        if len(page) < size:
            return
        before = page


def read_written_mark(written: Any) -> Optional[CopyMark]:
    """Return the mark that was recorded; None if it is none."""
    try:
        return read_mark({ATTRIBUTE: written})
    except CredentialError:
        return None


def read_name_of_place(name: str) -> str:
    """Return a name as capitals, digits and `_`, which is what a name is there unless the configuration gives one."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name.upper())


def read_time(written: object) -> datetime:
    """Return a time of an API; `UNKNOWN` if it is none."""
    try:
        found = datetime.fromisoformat(str(written).replace("Z", "+00:00"))
    except ValueError:
        return UNKNOWN
    return found if found.tzinfo is not None else UNKNOWN


def _read_text(value: Secret) -> str:
    try:
        return value.expose().decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidToken("its value is no text", remedy="Store it as base64, and decode it there.") from None


def refuse_name(name: str, rule: str) -> NoReturn:
    """Raise the error for a name that a service does not take."""
    remedy = "Give the copy another name in 'names' of the mirror: {0}.".format(rule)
    raise InvalidInput("'{0}' is no name that it can have there".format(name), option="mirror", remedy=remedy)
