# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bitwarden's and Vaultwarden's export as JSON, not encrypted: each item is an entry, with its folder before its name.

Items of one name and folder are told apart by the beginning of their id.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    NAMING,
    Value,
    add_field,
    make_distinct,
    make_found,
    read_object,
    read_text,
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
_KINDS = {1: "login", 2: "secureNote", 3: "card", 4: "identity", 5: "sshKey"}
_NAMES = {"uris": "url", "privateKey": "private_key", "publicKey": "public_key", "keyFingerprint": "fingerprint"}
_LEFT_OUT = frozenset(("fido2Credentials", "passwordRevisionDate", "type"))
_LINKED = 3
_MARK = 8
_REMEDY = "Export the vault again as '.json', and name that file."


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the items of an export.

    Args:
        path: the file.
        options: `characters` (`NAMING`).

    Raises:
        InvalidInput: it is no export, or one that is encrypted.
        CredentialError: it cannot be read.
    """
    export = read_object(path, read_text(path, _MOST), "an export of Bitwarden", _REMEDY)
    if export.get("encrypted") is True:
        what = "the export is encrypted"
        refuse(path, "", what, "Export the vault again as '.json' and not as '.json (Encrypted)'. Remove that file when you are done.")
    if export.get("encrypted") is not False or "items" not in export:
        refuse(path, "", "it is no export of Bitwarden: it has no 'encrypted' and 'items'", _REMEDY)
    folders = {**_read_folders(path, export, "folders"), **_read_folders(path, export, "collections")}
    items = take_list(path, export["items"], "items", _REMEDY)
    entries = (_read_item(path, item, "items[{0}]".format(number), folders) for number, item in enumerate(items))
    return make_distinct(path, entries, options)


def _read_folders(path: str, export: Mapping[str, Any], part: str) -> Dict[str, str]:
    found = {}
    for number, written in enumerate(take_list(path, export.get(part), part, _REMEDY)):
        place = "{0}[{1}]".format(part, number)
        folder = take_object(path, written, place, _REMEDY)
        found[take_text(path, folder.get("id"), place + ".id", _REMEDY)] = take_text(path, folder.get("name"), place + ".name", _REMEDY)
    return found


def _read_item(path: str, written: Any, place: str, folders: Mapping[str, str]) -> Tuple[Optional[Found], str]:
    item = take_object(path, written, place, _REMEDY)
    kind = item.get("type")
    if isinstance(kind, bool) or not isinstance(kind, int) or kind not in _KINDS:
        refuse(
            path,
            place + ".type",
            "there is no such kind of item",
            "Remove the item from the vault or from the file, or update this collection.",
        )
    name = take_text(path, item.get("name"), place + ".name", _REMEDY)
    if not name:
        refuse(path, place, "an item without a name", "Give it one in the vault, and export it again.")
    folder = _find_folder(path, item, place, folders)
    fields = _read_fields(path, item, place, _KINDS[kind])
    older = _read_history(path, item, place)
    full = "{0}/{1}".format(folder, name) if folder else name
    mark = take_text(path, item.get("id"), place + ".id", _REMEDY)[:_MARK]
    return make_found(path, place, full, fields, older=older), mark


def _find_folder(path: str, item: Mapping[str, Any], place: str, folders: Mapping[str, str]) -> str:
    """Return the folder of an item of a person, or the first collection of one of an organization; empty if it has none."""
    named = [item.get("folderId"), *take_list(path, item.get("collectionIds"), place + ".collectionIds", _REMEDY)]
    return next((folders[each] for each in named if isinstance(each, str) and folders.get(each)), "")


def _read_fields(path: str, item: Mapping[str, Any], place: str, kind: str) -> Dict[str, Value]:
    fields: Dict[str, Value] = {}
    for part, value in take_object(path, item.get(kind), "{0}.{1}".format(place, kind), _REMEDY).items():
        within = "{0}.{1}.{2}".format(place, kind, show(part))
        if part == "uris":
            for uri in take_list(path, value, within, _REMEDY):
                add_field(fields, _NAMES[part], take_text(path, take_object(path, uri, within, _REMEDY).get("uri"), within, _REMEDY))
        elif part not in _LEFT_OUT:
            add_field(fields, _NAMES.get(part, part), take_text(path, value, within, _REMEDY))
    notes = take_text(path, item.get("notes"), place + ".notes", _REMEDY)
    if notes:
        add_field(fields, "notes", notes)
    for number, written in enumerate(take_list(path, item.get("fields"), place + ".fields", _REMEDY)):
        within = "{0}.fields[{1}]".format(place, number)
        field = take_object(path, written, within, _REMEDY)
        if field.get("type") != _LINKED:
            label = take_text(path, field.get("name"), within + ".name", _REMEDY) or "field"
            add_field(fields, label, take_text(path, field.get("value"), within + ".value", _REMEDY))
    return fields


def _read_history(path: str, item: Mapping[str, Any], place: str) -> Tuple[str, ...]:
    """Return the older passwords, the newest first."""
    dated: List[Tuple[str, str]] = []
    for number, written in enumerate(take_list(path, item.get("passwordHistory"), place + ".passwordHistory", _REMEDY)):
        within = "{0}.passwordHistory[{1}]".format(place, number)
        older = take_object(path, written, within, _REMEDY)
        dated.append((take_text(path, older.get("lastUsedDate"), within, _REMEDY), take_text(path, older.get("password"), within, _REMEDY)))
    return tuple(password for _date, password in sorted(dated, key=_by_date, reverse=True) if password)


def _by_date(dated: Tuple[str, str]) -> str:
    return dated[0]
