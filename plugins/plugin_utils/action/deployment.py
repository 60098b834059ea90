# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A `deploy` task on one host, in two steps: the host compares its files with digests; only then it gets the contents that differ."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.deploy import ABSENT, choose_format, parse_mode
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Internal
from ansible_collections.nebula.credential.plugins.plugin_utils.action.file_contents import Content
from ansible_collections.nebula.credential.plugins.plugin_utils.action.sent_values import run_on_host

MODULE = "deploy"
_CONTENT = "content"
_TRIES = 3
_PARTS = ("dest", "state", "owner", "group", "validate")


@dataclass(frozen=True)
class File:
    """A file of a task: its options, and its content unless it is to be absent."""

    options: Mapping[str, Any]
    content: Content | None


class Deployment:
    """Brings the files of a task to its host."""

    def __init__(self, action: ActionBase, variables: Mapping[str, Any], files: Sequence[File]) -> None:
        """Set the task's action, the variables of its host, and the files."""
        self._action = action
        self._variables = variables
        self.files = files
        self.found: Sequence[Mapping[str, Any]] = ()
        """What the host said of each file at the end."""

    def compare(self) -> Sequence[Mapping[str, Any]]:
        """Return what the host says of each file, as `hosts.deployment.deploy` does. No content is changed."""
        return list(self._send([_describe(file) for file in self.files])["files"])

    def carry_out(self) -> dict[str, Any]:
        """Deploy the files, or compare them in check mode, and return the result of the task.

        Raises:
            CredentialError: the host refused. Nothing was changed, unless the message says so.
            AnsibleConnectionFailure: the host cannot be reached.
        """
        described = [_describe(file) for file in self.files]
        found = self._send(described)
        for _try in range(_TRIES):
            if found["is_done"] or self._action._task.check_mode:
                break
            for file, entry, row in zip(self.files, described, found["files"]):
                if file.content is not None and _CONTENT in row["differs"]:
                    entry[_CONTENT] = base64.b64encode(file.content.value).decode("ascii")
            found = self._send(described)
        else:
            if not found["is_done"]:
                what = "files that were as they should be were changed by another program meanwhile"
                raise Conflict(what, option="dest", remedy="Nothing was changed. Run it again, and see what else writes them.")
        self.found = found["files"]
        for dest in found["unnoted"]:
            self._warn(dest)
        rows = [_build_row(file, row) for file, row in zip(self.files, found["files"])]
        diff = [_build_diff(file, row) for file, row in zip(self.files, found["files"]) if row["differs"]]
        return {"changed": any(row["changed"] for row in rows), "files": rows, "diff": diff}

    def _send(self, described: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        found = run_on_host(self._action, MODULE, {}, {"files": list(described)}, self._variables)
        if len(found.get("files") or ()) != len(described):
            raise Internal("the host gave another module's result", remedy="Check what answers there.")
        return found

    def _warn(self, dest: str) -> None:
        file = next(file for file in self.files if file.options["dest"] == dest)
        if file.content is not None and file.content.digest is not None:
            what = "{0}: its file system keeps no extended attributes, so the file is written in every run"
            Display().warning(what.format(ascii(dest)))


def _describe(file: File) -> dict[str, Any]:
    """Return a file as the host gets it, without its content."""
    described: dict[str, Any] = {part: file.options.get(part) for part in _PARTS}
    if file.content is None:
        return described
    key, digest = _digest(file.options["dest"], file.content)
    described.update(mode=parse_mode(file.options["mode"]), format=choose_format(file.options), versions=dict(file.content.versions))
    return {**described, "key": base64.b64encode(key).decode("ascii"), "digest": digest}


def _digest(dest: str, content: Content) -> tuple[bytes, str | None]:
    """Return the key, and the digest by which the host recognises the content; None if the content is made anew each time.

    In that case the key follows from what it is made of, by scrypt: it leaves a mark on the host, which no dictionary may open.
    """
    if content.digest is None:
        key = os.urandom(32)
        return key, hmac.new(key, content.value, hashlib.sha256).hexdigest()
    salt = b"nebula.credential deploy " + dest.encode("utf-8", "surrogateescape")
    return hashlib.scrypt(content.digest.encode("ascii"), salt=salt, n=2**14, r=8, p=1, dklen=32), None


def _build_row(file: File, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the result says of a file."""
    return {
        "dest": file.options["dest"],
        "state": file.options["state"],
        "changed": bool(found["differs"]),
        "differs": list(found["differs"]),
        "credentials": {} if file.content is None else dict(file.content.versions),
        "credentials_before": dict(found["versions"]),
    }


def _build_diff(file: File, found: Mapping[str, Any]) -> dict[str, str]:
    """Return a difference that names credentials, fields, versions and attributes, and quotes nothing."""
    dest, before = str(file.options["dest"]), found["before"]
    old = [] if before is None else list(_describe_side(file, found["versions"], before, found["differs"]))
    new: list[str] = []
    if file.options["state"] != ABSENT and file.content is not None:
        wanted = {"owner": file.options.get("owner"), "group": file.options.get("group"), "mode": file.options["mode"]}
        new = list(_describe_side(file, file.content.versions, wanted, found["differs"]))
    if before is not None and _CONTENT in found["differs"] and old[: len(found["versions"])] == new[: len(found["versions"])]:
        old, new = [*old, "content: as it was\n"], [*new, "content: another one\n"]
    if before is not None and not old:
        old = ["a file\n"]
    return {"before_header": dest, "after_header": dest, "before": "".join(old), "after": "".join(new)}


def _describe_side(file: File, versions: Mapping[str, str], attributes: Mapping[str, Any], differs: Sequence[str]) -> Iterator[str]:
    fields = {} if file.content is None else file.content.fields
    for name, version in sorted(versions.items()):
        named = " ({0})".format(", ".join(fields[name])) if fields.get(name) else ""
        yield "{0}{1}: version {2}\n".format(name, named, version)
    for part in ("owner", "group", "mode"):
        if part in differs:
            yield "{0}: {1}\n".format(part, attributes.get(part) or "the task's user")
