# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""1Password's export as 1PUX: each active item is an entry, with its vault before its title.

1PUX and not CSV: a CSV export has neither the fields of sections, nor types, vaults, older passwords and files. Items of one title and
vault are told apart by the beginning of their id.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    NAMING,
    Value,
    add_field,
    make_distinct,
    make_found,
    read_content,
    read_object,
    refuse,
    show,
    take_list,
    take_object,
    take_text,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB

OPTIONS: Mapping[str, Mapping[str, Any]] = NAMING
_MOST = 64 * MIB
_DATA = "export.data"
_MARK = 8
_REMEDY = "Export the account again as '1PUX', and name that file."
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, KeyError, MemoryError)
_FILE_PARTS = ("fileName", "documentId")


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the active items of an export.

    Args:
        path: the file.
        options: `characters` (`NAMING`).

    Raises:
        InvalidInput: it is no such export.
        CredentialError: it cannot be read.
    """
    archive = _open_archive(path)
    export = read_object(path, _read_member(path, archive, _DATA), "an export of 1Password", _REMEDY)
    return make_distinct(path, _read_accounts(path, archive, export), options)


def _open_archive(path: str) -> zipfile.ZipFile:
    content = io.BytesIO(read_content(path, _MOST))
    try:
        return zipfile.ZipFile(content)
    except _BROKEN:
        return refuse(path, "", "it is no export as 1PUX (a zip file), or ends too early", _REMEDY)


def _read_member(path: str, archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a file of the archive, within the bound that a whole export has."""
    try:
        with archive.open(name) as member:
            content = member.read(_MOST + 1)
    except _BROKEN:
        return refuse(path, show(name), "this part of the export is missing or damaged", _REMEDY)
    if len(content) > _MOST:
        refuse(path, show(name), "it is larger than {0} bytes".format(_MOST), "Remove large files from the vault, and export it again.")
    return content


def _read_accounts(path: str, archive: zipfile.ZipFile, export: Mapping[str, Any]) -> Iterator[Tuple[Optional[Found], str]]:
    if not isinstance(export.get("accounts"), list):
        refuse(path, _DATA, "it has no 'accounts'", _REMEDY)
    for account, number in _number(path, export, "accounts", ""):
        for vault, place in _number(path, account, "vaults", number):
            attributes = take_object(path, vault.get("attrs"), place + ".attrs", _REMEDY)
            name = take_text(path, attributes.get("name"), place + ".attrs.name", _REMEDY)
            for item, within in _number(path, vault, "items", place):
                inner = take_object(path, item["item"], within, _REMEDY) if "item" in item else item
                if inner.get("state", "active") == "active" and not inner.get("trashed"):
                    yield _Item(path, archive, inner, within).read(name)


def _number(path: str, part: Mapping[str, Any], name: str, place: str) -> Iterator[Tuple[Mapping[str, Any], str]]:
    """Yield each object of a list, and its place."""
    where = "{0}.{1}".format(place, name) if place else name
    for number, each in enumerate(take_list(path, part.get(name), where, _REMEDY)):
        within = "{0}[{1}]".format(where, number)
        yield take_object(path, each, within, _REMEDY), within


class _Item:
    """One item of an export."""

    def __init__(self, path: str, archive: zipfile.ZipFile, item: Mapping[str, Any], place: str) -> None:
        self._path, self._archive, self._item, self._place = path, archive, item, place
        self._fields: Dict[str, Value] = {}

    def read(self, vault: str) -> Tuple[Optional[Found], str]:
        overview, details = self._take("overview"), self._take("details")
        title = self._text(overview, "title")
        if not title:
            refuse(self._path, self._place, "an item without a title", "Give it one in the vault, and export it again.")
        self._read_login(details)
        self._read_sections(details)
        for part, field in (("password", "password"), ("notesPlain", "notes")):
            self._add(field, self._text(details, part))
        self._add("url", self._text(overview, "url"))
        self._read_file(details.get("documentAttributes"), "document", self._place + ".details.documentAttributes")
        tags = tuple(str(tag) for tag in take_list(self._path, overview.get("tags"), self._place + ".overview.tags", _REMEDY))
        name = "{0}/{1}".format(vault, title) if vault else title
        older = self._read_history(details)
        return make_found(self._path, self._place, name, self._fields, tags=tags, older=older), self._text(self._item, "uuid")[:_MARK]

    def _take(self, part: str) -> Mapping[str, Any]:
        return take_object(self._path, self._item.get(part), "{0}.{1}".format(self._place, part), _REMEDY)

    def _text(self, part: Mapping[str, Any], name: str) -> str:
        return take_text(self._path, part.get(name), "{0}, {1}".format(self._place, name), _REMEDY)

    def _add(self, name: str, value: Value) -> None:
        if value:
            add_field(self._fields, name, value)

    def _read_login(self, details: Mapping[str, Any]) -> None:
        for field, _place in _number(self._path, details, "loginFields", self._place + ".details"):
            label = self._text(field, "designation") or self._text(field, "name") or "field"
            if self._text(field, "fieldType") not in ("C", "B", "I"):
                self._add(label, self._text(field, "value"))

    def _read_sections(self, details: Mapping[str, Any]) -> None:
        for section, place in _number(self._path, details, "sections", self._place + ".details"):
            for field, within in _number(self._path, section, "fields", place):
                label = self._text(field, "title") or self._text(field, "id") or "field"
                for kind, value in take_object(self._path, field.get("value"), within + ".value", _REMEDY).items():
                    self._read_value(label, kind, value, within)

    def _read_value(self, label: str, kind: str, value: Any, place: str) -> None:
        """Add a value of a section's field. Each kind has a form of its own."""
        if kind == "file":
            self._read_file(value, label, place)
        elif kind == "sshKey":
            key = take_object(self._path, value, place, _REMEDY)
            metadata = take_object(self._path, key.get("metadata"), place, _REMEDY)
            self._add(label, take_text(self._path, key.get("privateKey"), place, _REMEDY))
            self._add("public_key", take_text(self._path, metadata.get("publicKey"), place, _REMEDY))
        elif isinstance(value, dict):
            for name, part in value.items():
                self._add("{0}_{1}".format(label, name), take_text(self._path, part, place, _REMEDY))
        elif isinstance(value, int) and not isinstance(value, bool):
            self._add(label, str(value))
        elif value is not None:
            self._add("one-time password" if kind == "totp" and not label else label, take_text(self._path, value, place, _REMEDY))

    def _read_file(self, written: Any, label: str, place: str) -> None:
        file = take_object(self._path, written, place, _REMEDY)
        if file:
            name, document = (take_text(self._path, file.get(part), place, _REMEDY) for part in _FILE_PARTS)
            self._add(label or name, _read_member(self._path, self._archive, "files/{0}__{1}".format(document, name)))

    def _read_history(self, details: Mapping[str, Any]) -> Tuple[str, ...]:
        """Return the older passwords, the newest first."""
        dated: List[Tuple[int, str]] = []
        for older, _place in _number(self._path, details, "passwordHistory", self._place + ".details"):
            time = older.get("time")
            dated.append((time if isinstance(time, int) else 0, self._text(older, "value")))
        return tuple(value for _time, value in sorted(dated, key=_by_time, reverse=True) if value)


def _by_time(dated: Tuple[int, str]) -> int:
    return dated[0]
