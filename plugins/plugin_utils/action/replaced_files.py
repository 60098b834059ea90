# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that lookups are written into: the originals are kept in the store before, and can be written back.

The credential has JSON: by path the original, and the digest of what was written in its place. A file that was changed since is neither
replaced nor restored.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.text_files import read_bytes
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import Temporary
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated

DESCRIPTION = "files as they were before lookups were written into them (nebula.credential.adopt)"
REPLACE, RESTORE, NOTHING = "replace", "restore", "nothing"
_REMEDY = "It was left as it is. Compare it with the credential that keeps the originals."


class Original(NamedTuple):
    """A file before and after.

    Attributes:
        content: its bytes before.
        written: the SHA-256 of what was written in its place, as hexadecimal digits.
    """

    content: bytes
    written: str

    def __repr__(self) -> str:
        return "Original({0!r})".format(self.written)


def write_originals(originals: Mapping[str, Original]) -> str:
    """Return originals by path as the value of the credential."""
    files = {path: {"original": base64.b64encode(one.content).decode(), "written": one.written} for path, one in originals.items()}
    return json.dumps({"files": files}, sort_keys=True)


def read_originals(value: str) -> dict[str, Original]:
    """Return what `write_originals` wrote.

    Raises:
        Damaged: it is something else.
    """
    try:
        files = json.loads(value)["files"]
        if any(not os.path.isabs(path) or os.path.normpath(path) != path for path in files):
            raise ValueError  # it was not written here, and '..' would lead out of the directory that is restored
        return {path: Original(base64.b64decode(one["original"], validate=True), str(one["written"])) for path, one in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        remedy = "Name another credential in 'originals', or restore an older version of this one."
        raise Damaged("it does not hold the originals of files", option="originals", remedy=remedy) from None


def digest(content: bytes) -> str:
    """Return the SHA-256 of a content, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def replace_file(path: str, before: bytes, after: bytes, action: str) -> dict[str, Any]:
    """Write a file in place of what was there, with its owner and mode, and return its row. One that was changed is left as it is."""
    try:
        target = os.path.realpath(path)
        if read_bytes(target) != before:
            raise Conflict("'{0}' was changed meanwhile".format(path), remedy=_REMEDY)
        with translated("the file", path), Temporary(os.path.dirname(target)) as temporary:
            temporary.write(after)
            temporary.keep_rights_of(target)
            temporary.sync()
            temporary.become(target)
    except CredentialError as error:
        return _describe_failure(path, error)
    return {"path": path, "action": action, "failed": False}


def restore_file(path: str, original: Original, check: bool) -> dict[str, Any]:
    """Write an original back, unless it is there already, and return the row of the file."""
    try:
        there = read_bytes(path)
        if there == original.content:
            return {"path": path, "action": NOTHING, "failed": False, "reason": "it is as it was"}
        if digest(there) != original.written:
            raise Conflict("'{0}' was changed after lookups were written into it".format(path), remedy=_REMEDY)
    except CredentialError as error:
        return _describe_failure(path, error)
    return {"path": path, "action": RESTORE, "failed": False} if check else replace_file(path, there, original.content, RESTORE)


def _describe_failure(path: str, error: CredentialError) -> dict[str, Any]:
    return {"path": path, "action": None, "failed": True, "code": error.code, "msg": str(error)}
