# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store of pass, or one of gopass with GnuPG: each file below a directory is an entry, named by its path.

Its first line is the value. With further lines it has fields: the first line is `password`, and lines that are `key: value` are fields of
that name, up to the first line that is not. The rest is `notes`. A key in PEM and what is not text are whole.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    NAMING,
    Value,
    add_field,
    as_text,
    make_distinct,
    read_content,
    refuse,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.adoption.programs import run_tool
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_login, read_login
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, LoginFailed, StorageError, WrongPassphrase
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB

PASSPHRASE, LINES, PROGRAM = "passphrase", "lines", "program"
FIELDS, WHOLE = "fields", "whole"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    **NAMING,
    PASSPHRASE: {"description": "The passphrase of the key. Without it the agent has to know it already.", "type": "str", "no_log": True},
    PASSPHRASE + "_file": {"description": "The file that holds it.", "type": "path", "no_log": False},
    PASSPHRASE + "_env": {"description": "The environment variable that holds it.", "type": "str", "no_log": False},
    LINES: {
        "description": "Whether the lines after the first become fields, or an entry is taken whole, byte for byte.",
        "type": "str",
        "choices": [FIELDS, WHOLE],
        "default": FIELDS,
    },
    PROGRAM: {"description": "The program, if it is not 'gpg' on the path of programs.", "type": "path", "default": "gpg"},
}
_MOST_ENTRIES, _MOST_FIELDS = 100_000, 1000
_FIELD = re.compile(r"([^\s:][^:]*):[ \t]+(.*)\Z")
_PEM = "-----BEGIN "
_ENCODING = "Content-Transfer-Encoding"
_OLD_GOPASS = "GOPASS-SECRET-1.0"


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the entries below a directory.

    Args:
        path: the directory of the store, usually `~/.password-store`.
        options: the passphrase, how lines become fields, where the program is (`OPTIONS`).

    Raises:
        InvalidInput: the directory holds no such store.
        WrongPassphrase: the passphrase is wrong, or is missing.
        LoginFailed: the key of an entry is not there.
        Damaged: an entry is damaged.
        CredentialError: a file cannot be read, or the program cannot run.
    """
    check_login(options, (PASSPHRASE,))
    return make_distinct(path, ((_read_entry(path, name, options), "") for name in _list_names(path)), options)


def _list_names(path: str) -> List[str]:
    """Return the names of the entries in their order. Directories with a dot before their name are those of git and of extensions."""
    found: List[str] = []
    others = False
    with translated("the directory", path, writing=False):
        os.listdir(path)
    for directory, inner, files in os.walk(path):
        inner[:] = [name for name in inner if not name.startswith(".")]
        others = others or any(name.endswith(".age") for name in files)
        found += [os.path.relpath(os.path.join(directory, name), path)[: -len(".gpg")] for name in files if _is_entry(name)]
        if len(found) > _MOST_ENTRIES:
            refuse(path, "", "it has more than {0} entries".format(_MOST_ENTRIES), "Name a directory below it.")
    if others:
        refuse(path, "", "entries are encrypted by age, not by GnuPG", "Write them with 'gopass show', or convert the store to GnuPG.")
    if not found:
        refuse(path, "", "there is no entry of pass below the directory", "Name the directory of the store, usually ~/.password-store.")
    return sorted(found)


def _is_entry(file: str) -> bool:
    return file.endswith(".gpg") and not file.startswith(".")


def _read_entry(path: str, name: str, options: Mapping[str, Any]) -> Found:
    file = os.path.abspath(os.path.join(path, name + ".gpg"))
    content = _decrypt(file, options)
    origin = "{0}, {1}".format(path, ascii(name)[1:-1] + ".gpg")
    text = as_text(content)
    if options.get(LINES) == WHOLE or isinstance(text, bytes) or text.startswith(_PEM):
        return Found(name, text, {}, origin)
    if text.startswith(_OLD_GOPASS):
        refuse(path, name + ".gpg", "an old form of gopass ({0})".format(_OLD_GOPASS), "Write 'lines: whole', or edit it with gopass.")
    fields = _read_lines(text)
    if len(fields) > _MOST_FIELDS:
        refuse(path, name + ".gpg", "it has more than {0} fields".format(_MOST_FIELDS), "Write 'lines: whole', or shorten it.")
    if fields.get(_ENCODING) == "Base64":
        return Found(name, _read_binary(path, name, str(fields.get("notes", ""))), {}, origin)
    return Found(name, None, fields, origin) if len(fields) > 1 else Found(name, fields["password"], {}, origin)


def _read_lines(text: str) -> Dict[str, Value]:
    """Return the first line as `password`, the lines `key: value` after it as fields, and what follows them as `notes`."""
    first, _break, rest = text.partition("\n")
    fields: Dict[str, Value] = {"password": first[:-1] if first.endswith("\r") else first}
    lines = rest.split("\n")
    place = 1 if lines[0].rstrip() == "---" else 0  # gopass divides values that are YAML so
    while place < len(lines) and len(fields) <= _MOST_FIELDS:
        match = _FIELD.match(lines[place].rstrip("\r"))
        if match is None and lines[place].strip():
            break
        if match and match.group(2):
            add_field(fields, match.group(1).strip(), match.group(2))
        place += 1
    notes = "\n".join(lines[place:]).rstrip("\n")
    if notes:
        add_field(fields, "notes", notes)
    return fields


def _read_binary(path: str, name: str, text: str) -> Value:
    """Return the bytes that gopass keeps as base64, after lines that say so."""
    try:
        return as_text(base64.b64decode("".join(text.split()).encode("ascii"), validate=True))
    except (binascii.Error, ValueError):
        return refuse(path, name + ".gpg", "it says that it is base64, and is not", "Write 'lines: whole'.")


def _decrypt(file: str, options: Mapping[str, Any]) -> bytes:
    """Return what a file holds. The passphrase goes to the program by its standard input, in place of the file then."""
    content = read_content(file, 64 * MIB)
    passphrase = read_login(options, PASSPHRASE, _ignore)
    argv = [str(options.get(PROGRAM) or "gpg"), "--batch", "--quiet", "--no-tty", "--status-fd", "2"]
    if passphrase is None:
        finished = run_tool([*argv, "--pinentry-mode", "error", "--decrypt"], content, "GnuPG, which decrypts the entries")
    else:
        loopback = ["--pinentry-mode", "loopback", "--passphrase-fd", "0", "--decrypt", "--", file]
        finished = run_tool([*argv, *loopback], passphrase.expose() + b"\n", "GnuPG, which decrypts the entries")
    if finished.status == 0 and b"DECRYPTION_OKAY" in finished.errors:
        return finished.output
    return _refuse(file, finished.errors)


def _ignore(_message: str) -> None:
    """Leave out a warning: the options of a reader come from the configuration of the controller or a play, which warn themselves."""


_MEANINGS: Tuple[Tuple[bytes, Any, str, str], ...] = (
    (b"NODATA", Damaged, "it is not encrypted by GnuPG, or is damaged", "Restore it from the repository of the store."),
    (b"DECRYPTION_KEY", Damaged, "it is damaged, or ends too early", "Restore it from the repository of the store."),
    (
        b"KEY_CONSIDERED",
        WrongPassphrase,
        "its key is locked, and no passphrase or a wrong one is given",
        "Unlock it with 'gpg --decrypt' before the play, or give the right 'passphrase_file'.",
    ),
    (b"ENC_TO", LoginFailed, "the key that it is encrypted for is not there", "Run the play as the user who has it (GNUPGHOME)."),
)
"""What went wrong if a decryption failed, by the first of these status lines that there is (file doc/DETAILS of GnuPG): GnuPG names the
recipient, then the key that it has for it, then the key that it could use."""


def _refuse(file: str, errors: bytes) -> bytes:
    words = {word for line in errors.splitlines() if line.startswith(b"[GNUPG:] ") for word in line.split()[1:2]}
    for word, kind, what, remedy in _MEANINGS:
        if word in words:
            raise kind("{0}: {1}".format(file, what), remedy=remedy)
    raise StorageError("{0}: GnuPG cannot decrypt it".format(file), remedy="See what 'gpg --decrypt' says about the file in a shell.")
