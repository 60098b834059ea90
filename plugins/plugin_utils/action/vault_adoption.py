# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopting what Ansible encrypts: read, adopt, and, if that is wanted, write lookups in the place of the values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.adoption.entry import write_entry
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.adopt import REPLACE, SKIP
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidInput, NotFound, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import is_store_name
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import describe_failures
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action import replaced_files
from ansible_collections.nebula.credential.plugins.plugin_utils.action.adopted_names import name_entry
from ansible_collections.nebula.credential.plugins.plugin_utils.action.replaced_files import Original
from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_entries import Placed
from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_files import VaultedFile
from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_replacement import (
    NO_MAPPING,
    Target,
    build_lookup,
    check_replaceable,
    replace_values,
)

Perform = Callable[[str, Mapping[str, Any]], Outcome]
"""Performs an operation on the store."""
REPLACED = replaced_files.REPLACE
NOT_ADOPTED = "not every value was adopted, so no file was changed"


@dataclass(frozen=True)
class Replacement:
    """Writes lookups into files.

    Attributes:
        perform: performs an operation on the store.
        parameters: those of the module.
        check: change nothing.
    """

    perform: Perform
    parameters: Mapping[str, Any]
    check: bool

    def check_possible(self, chosen: Sequence[Placed], placed: Sequence[Placed]) -> None:
        """Check, before anything is written to the store, that each value can be replaced.

        Args:
            chosen: the values that are adopted.
            placed: all values of the files.

        Raises:
            InvalidInput: one cannot, or the lookups could not name the store, or a value of an encrypted file would become readable.
        """
        if self.parameters["after"] != REPLACE:
            return
        store = self.parameters.get("store")
        if store is not None and not is_store_name(store):
            remedy = "Define the store in nebula.yml, and write its name."
            raise InvalidInput("a lookup in a file has to name the store", option="store", remedy=remedy)
        kept = {(one.file.path, one.leaf.start) for one in chosen}
        left = {one.file.path for one in placed if one.file.is_whole and (one.file.path, one.leaf.start) not in kept}
        partial = left.intersection(path for path, _start in kept)
        if partial:
            what = "'{0}' is encrypted as a whole, and 'only' leaves values of it out, which would become readable".format(min(partial))
            raise InvalidInput(what, option="only", remedy="Leave 'only' out, or 'after'.")
        check_replaceable(one for one in chosen if one.file.text is not None)

    def replace(self, placed: Sequence[Placed], result: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
        """Replace the values of all files, and return the result with `files`. Nothing is replaced if a value was not adopted.

        Args:
            placed: the values that were adopted.
            result: that of the adoption.
            fields: the field that a lookup has to name, by the name of a credential.

        Raises:
            StorageError: the originals could not be kept. No file was changed.
            CredentialError: as the operation `credential`, for the same reason.
        """
        by_file: dict[str, tuple[VaultedFile, list[Placed]]] = {}
        for one in placed:
            by_file.setdefault(one.file.path, (one.file, []))[1].append(one)
        if result["failed"] or result["counts"]["skipped"]:
            return add_files(result, [_leave(path, NOT_ADOPTED) for path in by_file])
        written = {path: self._build(file, values, fields) for path, (file, values) in by_file.items() if file.text is not None}
        rows = [_leave(path, NO_MAPPING) for path in by_file if path not in written]
        if self.check:
            return add_files(result, [*rows, *({"path": path, "action": REPLACED, "failed": False} for path in written)])
        before = {path: by_file[path][0].content for path in written}
        if written:
            self._keep({path: Original(before[path], replaced_files.digest(after)) for path, after in written.items()})
        return add_files(
            result, [*rows, *(replaced_files.replace_file(path, before[path], new, REPLACED) for path, new in written.items())]
        )

    def restore(self, path: str) -> dict[str, Any]:
        """Write back the originals of the files at a path, or below it.

        Raises:
            NotFound: the store keeps no originals.
        """
        kept, _version = self._read()
        if kept is None:
            what = "the store keeps no originals under this name"
            raise NotFound(what, name=self.parameters["originals"], remedy="Name the credential in 'originals'.")
        chosen = {file: one for file, one in kept.items() if file == path or file.startswith(path.rstrip("/") + "/")}
        if not chosen:
            remedy = "Name the file, or a directory that it is in. There are: {0}.".format(", ".join(sorted(kept)[:3]) or "none")
            raise InvalidInput("no original of a file there is kept", option="path", remedy=remedy)
        rows = [replaced_files.restore_file(file, one, self.check) for file, one in sorted(chosen.items())]
        return add_files({"changed": False, "failed": False, "check": self.check}, rows)

    def _build(self, file: VaultedFile, values: Sequence[Placed], fields: Mapping[str, str]) -> bytes:
        store, lookups = self.parameters.get("store"), {}
        for one in values:
            name = name_entry(one.key, self.parameters)
            lookups[one.leaf] = build_lookup(Target(name, one.field or fields.get(name)), store, is_native=one.leaf.is_native)
        return replace_values(file, lookups, keep_comments=self.parameters["keep_comments"])

    def _read(self) -> tuple[dict[str, Original] | None, str | None]:
        wanted = {"name": self.parameters["originals"], "scope": self.parameters.get("scope"), "fresh": True}
        try:
            result = self.perform("get", wanted).result
        except NotFound:
            return None, None
        return replaced_files.read_originals(result["value"]), result["version"]

    def _keep(self, originals: Mapping[str, Original]) -> None:
        """Store the originals, beside those of other files, and read them back."""
        kept, version = self._read()
        if version is None:
            kept, version = self._begin()
        value = replaced_files.write_originals({**(kept or {}), **originals})
        wanted = {
            "name": self.parameters["originals"],
            "value": value,
            "description": replaced_files.DESCRIPTION,
            "scope": self.parameters.get("scope"),
            "expected_version": version,
        }
        try:
            self.perform("credential", wanted)
        except Conflict as error:
            error.remedy = "No file was changed. Another run keeps originals at the same time: run it again."
            raise
        if self._read()[0] != replaced_files.read_originals(value):
            raise StorageError("the originals were not read back as they were written", remedy="No file was changed. Run it again.")

    def _begin(self) -> tuple[dict[str, Original] | None, str | None]:
        """Create the credential without originals, unless another run has created it since, and read it: it then has a version.

        So the write that follows is refused if another run writes before it. Two that both create would lose the originals of one.
        """
        empty = Found(self.parameters["originals"], replaced_files.write_originals({}), {}, "")
        entries = [write_entry(empty, empty.name)]
        self.perform("adopt", {"entries": entries, "on_conflict": SKIP, "detect_types": False, "scope": self.parameters.get("scope")})
        return self._read()


def _leave(path: str, reason: str) -> dict[str, Any]:
    return {"path": path, "action": replaced_files.NOTHING, "failed": False, "reason": reason}


def add_files(result: Mapping[str, Any], files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a result with the rows of files; it has failed if one has."""
    failed = [row for row in files if row["failed"]]
    changed = bool(result["changed"]) or any(row["action"] in (REPLACED, replaced_files.RESTORE) for row in files)
    whole = {**result, "changed": changed, "files": sorted(files, key=lambda row: not row["failed"])}
    if failed:
        named = [{"name": row["path"], **row} for row in failed]
        whole.update(failed=True, code=failed[0]["code"], msg=describe_failures(named, len(files)))
    return whole
