# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of SOPS, decrypted by its program, which takes its keys from where it always does (age, GnuPG, a cloud, Vault).

Each value of a YAML, JSON, dotenv or INI file is an entry, named by the keys on the way to it. Any other file is one entry.
"""

from __future__ import annotations

import json
import os
from typing import Any, Iterator, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    MOST_BYTES,
    NAMING,
    as_text,
    make_distinct,
    read_content,
    refuse,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.adoption.nesting import OPTIONS as NESTING
from ansible_collections.nebula.credential.plugins.module_utils.adoption.nesting import build_entries, split_mapping
from ansible_collections.nebula.credential.plugins.module_utils.adoption.programs import run_tool
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, StorageError, Tampered

PROGRAM = "program"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    **NESTING,
    **NAMING,
    PROGRAM: {"description": "The program, if it is not 'sops' on the path of programs.", "type": "path", "default": "sops"},
}
_WITH_KEYS = (".yaml", ".yml", ".json", ".env", ".ini")
_NO_KEY, _NOT_ENCRYPTED, _CHANGED = 128, 200, 51
"""Exit codes of SOPS: it has no key that opens the file; the file has no part of SOPS; the file was changed without a key."""
_REMEDY = "See what 'sops decrypt' says about the file in a shell."


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the values of a file.

    Args:
        path: the file.
        options: where the program is, and how keys become names (`OPTIONS`).

    Raises:
        InvalidInput: SOPS has not encrypted the file, or there is no such program.
        LoginFailed: SOPS has no key that opens the file.
        Tampered: the file was changed without a key.
        CredentialError: it cannot be read.
    """
    read_content(path, MOST_BYTES)
    path = os.path.abspath(path)
    has_keys = path.endswith(_WITH_KEYS)
    output = _decrypt(path, str(options.get(PROGRAM) or "sops"), ["--output-type", "json"] if has_keys else [])
    entries = _read_keys(path, output, options) if has_keys else [_read_whole(path, output)]
    return make_distinct(path, ((found, "") for found in entries), options)


def _decrypt(path: str, program: str, form: List[str]) -> bytes:
    finished = run_tool([program, "--decrypt", *form, path], b"", "SOPS, which decrypts the file")
    if finished.status == 0:
        return finished.output
    if finished.status == _NO_KEY:
        remedy = "Run the play where 'sops decrypt' opens it, for example with an absolute path in SOPS_AGE_KEY_FILE."
        raise LoginFailed("{0}: SOPS has no key that opens the file".format(path), remedy=remedy)
    if finished.status == _CHANGED:
        raise Tampered("{0}: the file was changed without a key".format(path), remedy="Restore it from its repository.")
    if finished.status == _NOT_ENCRYPTED or b"sops metadata not found" in finished.errors:
        return refuse(path, "", "SOPS has not encrypted this file", "Read it by the format that it has, or name another file.")
    what = "{0}: SOPS cannot decrypt the file (exit code {1})".format(path, finished.status)
    raise StorageError(what, remedy=_REMEDY)


def _read_keys(path: str, output: bytes, options: Mapping[str, Any]) -> List[Found]:
    try:
        data = json.loads(output.decode("utf-8"), parse_int=str, parse_float=str)
        leaves = [(keys, _write(value), "{0}, {1}".format(path, ".".join(keys))) for keys, value in split_mapping(data)]
    except (ValueError, RecursionError):
        return refuse(path, "", "what SOPS decrypted has no keys", _REMEDY)
    if not isinstance(data, dict):
        refuse(path, "", "what SOPS decrypted has no keys", _REMEDY)
    return list(build_entries(leaves, options))


def _write(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read_whole(path: str, output: bytes) -> Found:
    name = os.path.basename(path)
    for ending in (".enc", ".sops", ".encrypted"):
        name = name[: -len(ending)] if name.endswith(ending) and name != ending else name
    return Found(name, as_text(output), {}, "{0}, the whole file".format(path))
