# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of hosts that a credential was written to: a record of stage `deployed` beside it, without a value.

The files are the field `files` of that record, so that it may be as long as a value, and is encrypted where values are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.record import DEPLOYED, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

FILES = "files"
_TEXTS = ("dest", "version", "why", "controller")
_HOSTS, _HOW = "hosts", "how"


class Place(NamedTuple):
    """A file of a host of the inventory."""

    host: str
    dest: str


@dataclass(frozen=True)
class DeployedFile:
    """What is in a file.

    Attributes:
        version: the version of the credential in it.
        how: the options of `deploy` by which the file can be written anew; empty if it cannot.
        why: why it cannot, in words; empty if it can.
        controller: the controller that the file is on, if the task's connection was local; else empty.
    """

    version: str
    how: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    controller: str = ""


DeployedFiles = Mapping[Place, DeployedFile]


def read_deployed(record: Record) -> Dict[Place, DeployedFile]:
    """Return the files that a record of stage `deployed` lists.

    Raises:
        Damaged: it is not of the form that `write_deployed` writes.
    """
    try:
        entries = json.loads(record.fields[FILES].expose())
        return {place: file for entry in entries for place, file in _read_entry(entry)}
    except (KeyError, ValueError, TypeError, RecursionError):
        raise Damaged(
            "the record of its files on hosts cannot be read",
            name=record.name,
            remedy="Update the collection; or delete the stage 'deployed' in the store, and deploy again.",
        ) from None


def _read_entry(entry: Mapping[str, Any]) -> List[Tuple[Place, DeployedFile]]:
    how, hosts = entry[_HOW], entry[_HOSTS]
    if not isinstance(how, dict) or not isinstance(hosts, list):
        raise TypeError
    if not all(isinstance(text, str) for text in (*(entry[name] for name in _TEXTS), *hosts)):
        raise TypeError
    file = DeployedFile(entry["version"], how, entry["why"], entry["controller"])
    return [(Place(host, entry["dest"]), file) for host in hosts]


def write_deployed(name: str, files: DeployedFiles, metadata: Metadata) -> Record:
    """Return the record that lists the files of a credential. Hosts that have the same file share an entry."""
    entries: Dict[str, Dict[str, Any]] = {}
    for place, file in sorted(files.items(), key=lambda each: each[0]):
        entry = {"dest": place.dest, "version": file.version, _HOW: dict(file.how), "why": file.why, "controller": file.controller}
        entries.setdefault(json.dumps(entry, sort_keys=True), dict(entry, hosts=[]))[_HOSTS].append(place.host)
    content = json.dumps(list(entries.values()), sort_keys=True, separators=(",", ":"))
    return Record(name, fields={FILES: Secret(content)}, metadata=metadata, stage=DEPLOYED)


def find_holders(files: DeployedFiles, version: Optional[str]) -> Tuple[str, ...]:
    """Return the hosts, each once and in order, with a file that holds that version."""
    return tuple(sorted({place.host for place, file in files.items() if file.version == version}))
