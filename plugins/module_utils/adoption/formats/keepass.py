# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KeePass databases (KDBX 3.1 and 4), read by pykeepass: each entry with its groups before its title. The recycle bin is left out.

Entries of one title and group are told apart by the beginning of their id.
"""

from __future__ import annotations

import io
import os
from typing import Any, Dict, Iterator, List, Mapping, NoReturn, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    NAMING,
    Value,
    add_field,
    make_distinct,
    make_found,
    read_content,
    refuse,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_login, read_login
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    Damaged,
    Package,
    WrongPassphrase,
    check_packages,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB

PASSPHRASE, KEY_FILE = "passphrase", "key_file"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    **NAMING,
    PASSPHRASE: {"description": "The master password of the database.", "type": "str", "no_log": True},
    PASSPHRASE + "_file": {"description": "The file that holds it.", "type": "path", "no_log": False},
    PASSPHRASE + "_env": {"description": "The environment variable that holds it.", "type": "str", "no_log": False},
    KEY_FILE: {"description": "The key file of the database.", "type": "path", "no_log": False},
}
PYKEEPASS = Package("pykeepass>=4.1", "pykeepass", "module adopt, from a KeePass database")
_MOST = 128 * MIB
_SIGNATURE = bytes.fromhex("03d9a29a67fb4bb5")
_TITLE = "Title"
_FIELDS = {"UserName": "username", "Password": "password", "URL": "url", "Notes": "notes"}
_MOST_MEMORY, _MOST_ROUNDS, _MOST_WORK, _MOST_LANES = 2048 * MIB, 500_000_000, 64 * 1024 * MIB, 256
"""How much a key derivation may cost: bytes of memory, rounds of AES, and for Argon2 memory times passes, and lanes: each is a thread."""
_MARK = 8
_UNKNOWN = "it is damaged, or its key derivation or cipher is none that pykeepass knows"
_REMEDY = "Restore the database from a backup, or save it anew with KeePassXC."


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the entries of a database.

    Args:
        path: the file.
        options: the master password, the key file (`OPTIONS`).

    Raises:
        MissingLibrary: pykeepass is not installed.
        WrongPassphrase: the master password or the key file is wrong.
        InvalidInput: the file is no KeePass database, or costs too much to open.
        Damaged: it is damaged.
        CredentialError: a file cannot be read.
    """
    check_packages((PYKEEPASS,))
    check_login(options, (PASSPHRASE,))
    content = read_content(path, _MOST)
    if content[: len(_SIGNATURE)] != _SIGNATURE:
        refuse(path, "", "it is no KeePass database (KDBX)", "Open it with KeePassXC, and save it as KDBX 4.")
    _check_cost(path, content)
    return make_distinct(path, _read_entries(path, _open(path, content, options)), options)


def _open(path: str, content: bytes, options: Mapping[str, Any]) -> Any:
    from pykeepass import PyKeePass
    from pykeepass.exceptions import CredentialsError

    passphrase = read_login(options, PASSPHRASE, _ignore)
    given = options.get(KEY_FILE)
    key_file = io.BytesIO(read_content(os.path.abspath(expand_home(str(given), KEY_FILE)), MIB)) if given else None
    if passphrase is None and key_file is None:
        what = "the database needs its master password, or its key file"
        refuse(path, "", what, "Write 'passphrase_file', 'passphrase_env' or 'key_file'.")
    try:
        return PyKeePass(
            io.BytesIO(content),
            password=None if passphrase is None else passphrase.expose().decode("utf-8", "surrogateescape"),
            keyfile=key_file,
        )
    except CredentialsError:
        what = "{0}: the master password or the key file does not open it".format(path)
        raise WrongPassphrase(what, remedy="Give the one that opens it in KeePassXC.") from None
    except Exception as error:  # noqa: BLE001  # a damaged file raises errors of construct, lxml, zlib and others, which may quote it
        return _refuse_damaged(path, error)


def _ignore(_message: str) -> None:
    """Leave out a warning: the options of a reader come from the configuration of the controller or a play, which warn themselves."""


def _refuse_damaged(path: str, error: Exception) -> NoReturn:
    if isinstance(error, CredentialError):
        raise error
    raise Damaged("{0}: {1}".format(path, _UNKNOWN), remedy=_REMEDY) from None


def _check_cost(path: str, content: bytes) -> None:
    """Check what the header of the file demands for its key, before it is computed: anyone may have written it."""
    from pykeepass import PyKeePass

    try:
        header = PyKeePass(io.BytesIO(content), transformed_key=bytes(32), decrypt=False).kdbx.header.value.dynamic_header
        if "transform_rounds" in header:
            memory, passes, rounds, lanes = 0, 0, header.transform_rounds.data, 0
        else:
            demanded = header.kdf_parameters.data.dict
            memory, passes, rounds, lanes = (demanded[name].value if name in demanded else 0 for name in ("M", "I", "R", "P"))
        is_dear = memory > _MOST_MEMORY or rounds > _MOST_ROUNDS or memory * passes > _MOST_WORK or lanes > _MOST_LANES
    except Exception as error:  # noqa: BLE001  # as in `_open`
        _refuse_damaged(path, error)
    if is_dear:
        refuse(
            path, "", "its key takes too much memory or time to compute", "Lower it in KeePassXC: Database security, Encryption settings."
        )


def _read_entries(path: str, database: Any) -> List[Tuple[Optional[Found], str]]:
    try:
        bin_group = database.recyclebin_group
        left_out = bin_group.path if bin_group is not None else None
        return [
            _read_entry(path, database, entry) for entry in database.entries if not (left_out and entry.path[: len(left_out)] == left_out)
        ]
    except Exception as error:  # noqa: BLE001  # as in `_open`
        return _refuse_damaged(path, error)


def _read_entry(path: str, database: Any, entry: Any) -> Tuple[Optional[Found], str]:
    groups = [str(part) for part in entry.path[:-1]]
    place = "entry {0}".format(entry.uuid)
    if not entry.title:
        refuse(path, place, "an entry without a title", "Give it one in KeePassXC, and save the database.")
    name = "/".join([*groups, entry.title])
    older = tuple(each.password for each in reversed(entry.history) if each.password and each.password != entry.password)
    fields = _read_fields(database, entry)
    tags = tuple(tag.strip() for tag in entry.tags if tag.strip())
    return make_found(path, place, name, fields, tags=tags, older=_drop_repeated(older)), entry.uuid.hex[:_MARK]


def _read_fields(database: Any, entry: Any) -> Dict[str, Value]:
    """Return the fields of an entry, protected ones and attachments with them. The own names of KeePass become ours.

    pykeepass searches a field by its name and so misses some, for example one with a quotation mark in it. All of them are in the XML.
    """
    from lxml import etree

    fields: Dict[str, Value] = {}
    for field in etree.fromstring(entry.dump_xml()).findall("String"):
        name, value = field.findtext("Key") or "field", field.findtext("Value")
        if value and name != _TITLE:
            add_field(fields, _FIELDS.get(name, name), _resolve(database, value))
    for attachment in entry.attachments:
        add_field(fields, attachment.filename, attachment.data)
    return fields


def _resolve(database: Any, value: str) -> str:
    """Return a value with what it refers to in other entries. It stays as it is if there is no such entry."""
    return str(database.deref(value) or value) if "{REF:" in value else value


def _drop_repeated(values: Tuple[str, ...]) -> Tuple[str, ...]:
    """Leave out values that follow their like: each change of another field is an entry of the history too."""
    return tuple(value for place, value in enumerate(values) if place == 0 or values[place - 1] != value)
