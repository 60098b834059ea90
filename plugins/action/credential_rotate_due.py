# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `credential_rotate_due`: it lists what is due, and rotates each credential against its target."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import AUTO, CREDENTIAL_ROTATE
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate_due import CREDENTIAL_ROTATE_DUE
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    as_credential_error,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import resolve_path
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translate
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.earlier_report import check_earlier_report
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import NAMED, describe_failures
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import find_target, is_third_party
from ansible_collections.nebula.credential.plugins.plugin_utils.action import rotation_report as report
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction
from ansible_collections.nebula.credential.plugins.plugin_utils.action.consumers import Informer
from ansible_collections.nebula.credential.plugins.plugin_utils.action.due_rotations import DueRotations, Rotation
from ansible_collections.nebula.credential.plugins.plugin_utils.action.informing import (
    Consumers,
    build_failed_informing,
    describe_consumers,
    find_holders,
    inform_consumers,
    read_all_consumers,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.action.requirements import check_requirements
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation import (
    drive_rotation,
    load_specification,
    name_hosts,
    resolve_target_options,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.client.progress_display import choose_label, showing_progress
from ansible_collections.nebula.credential.plugins.plugin_utils.client.run_client import client
from ansible_collections.nebula.credential.plugins.plugin_utils.config.rotation_targets import DescribedTarget, DescribedTargets
from ansible_collections.nebula.credential.plugins.plugin_utils.config.session_options import session_options
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import RunConfig, read_extensions, session_settings
from ansible_collections.nebula.credential.plugins.plugin_utils.config.validation import validate
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import UserMessage

_ROTATE = "credential_rotate"
_REPORT_MODE = 0o600
_Known = tuple[DescribedTarget, dict[str, Any]]
"""A target, and the validated options of `credential_rotate`."""


class ActionModule(CredentialAction):
    """Rotates what is due. The store is opened on the controller, the targets' modules run on the task's host."""

    operation = "credential_rotate_due"
    specification = CREDENTIAL_ROTATE_DUE

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """List what is due, rotate it, and report."""
        if self.runs_on_target(parameters):
            raise InvalidInput("only the controller reaches every target", option="run_on", remedy="Leave it out.")
        began = datetime.now(timezone.utc)
        around = self._surroundings(variables)
        described = DescribedTargets(around)
        consumers = read_all_consumers(described)
        _check_target(described, parameters["target"])
        if parameters["report"] and not self._task.check_mode:
            _check_report(parameters["report"])
        wanted = {**parameters, **describe_consumers(consumers)}
        listing = self.ask(store, self.operation, wanted, variables).result
        rotations, rows = self._plan(listing["credentials"], described, parameters, around, variables)
        of_files = () if self._task.check_mode else wanted["of_files"]
        show = self._build_show(listing["credentials"], parameters, of_files)
        for row in rows:
            show(row)
        if rotations:
            rows += self._rotate(rotations, _count_failures(rows), show, store, parameters, variables)
        informed = []
        changed = [row["name"] for row in rows if row["changed"]]
        try:
            if consumers and changed:
                listing["uninformed"] = self.ask(store, self.operation, wanted, variables).result["uninformed"]
            if listing["uninformed"] and not self._task.check_mode:
                informed = self._inform(consumers, listing["uninformed"], _count_failures(rows) > 0, store, parameters, variables)
        except Exception as error:  # noqa: BLE001  # what was rotated is reported all the same
            informed = [build_failed_informing("(any)", changed, error)]
        left = [row for row in rows if row.get("holders") and row["target"] in of_files]
        find_holders(left, lambda asked: self.ask(store, _ROTATE, {**asked, "scope": parameters.get("scope")}, variables))
        for row in left if parameters["show"] else ():
            Display().display(report.write_holders_line(row))
        return self._report(store, listing, rows, informed, began, parameters)

    def _report(
        self,
        store: StoreReference,
        listing: Mapping[str, Any],
        rows: list[report.Row],
        informed: list[report.Row],
        began: datetime,
        parameters: Mapping[str, Any],
    ) -> Outcome:
        place = "Store '{0}' of {1}".format(store.name, store.file or "no configuration file")
        summary = report.write_summary(rows, listing, place, bool(self._task.check_mode))
        if parameters["show"]:
            for row in informed:
                Display().display(report.write_consumer_line(row), color="red" if row["result"] == report.FAILED else None)
            Display().display(summary)
        whole = {"store": store.name, "configuration_file": store.file, "summary": summary, "total": listing["total"]}
        whole.update(next=listing["next"], report=sorted(rows, key=lambda row: str(row["name"])), consumers=informed)
        if parameters.get("report") and not self._task.check_mode:
            ended = datetime.now(timezone.utc)
            try:
                _write_report(parameters["report"], {**whole, "began_at": began.isoformat(), "ended_at": ended.isoformat()})
            except CredentialError as error:
                return _build_outcome(whole, {"name": "the report", "msg": str(error), "code": error.code})
        return _build_outcome(whole)

    def _inform(
        self,
        consumers: Consumers,
        uninformed: list[dict[str, Any]],
        has_failed: bool,
        store: StoreReference,
        parameters: Mapping[str, Any],
        variables: Mapping[str, Any],
    ) -> list[report.Row]:
        def ask(operation: str, asked: Mapping[str, Any]) -> Outcome:
            return self.ask(store, operation, {**asked, "scope": parameters.get("scope")}, variables)

        def keep(row: Mapping[str, Any], left: list[str]) -> None:
            ask("rotation_informed", {"name": row["name"], "of": row["of"], "left": left})

        return inform_consumers(consumers, uninformed, Informer(self, variables, ask, store.name), keep, has_failed)

    def _plan(
        self,
        listed: list[dict[str, Any]],
        described: DescribedTargets,
        parameters: Mapping[str, Any],
        around: RunConfig,
        variables: Mapping[str, Any],
    ) -> tuple[list[Rotation], list[report.Row]]:
        """Return what is rotated, and the rows of what cannot be."""
        rotations: list[Rotation] = []
        rows: list[report.Row] = []
        known: dict[str, _Known | CredentialError | UserMessage] = {}
        for row in listed:
            if row["problem"] is not None:
                rows.append(report.build_row(row, report.FAILED, **row["problem"]))
            elif row["target"] is None:
                rows.append(report.build_row(row, report.NO_TARGET_ASSIGNED))
            else:
                key = json.dumps([row["target"], row["options"]], sort_keys=True)
                if key not in known:
                    known[key] = _read_target(
                        described, row, lambda kind: self._admit(kind, around), lambda read: name_hosts(read, self, variables)
                    )
                found = _check_takes(known[key], row["name"])
                if isinstance(found, tuple):
                    target, validated = found
                    kind = target.kind
                    own = {**validated, "name": row["name"], "scope": parameters.get("scope")}
                    rotations.append(Rotation(row, kind, own, is_driven=kind != NO_TARGET))
                else:
                    rows.append(report.build_row(row, report.FAILED, code=found.code, message=_name_target(row, found)))
        self._warn_of_no_target(rows)
        return rotations, [_fail_without_target(row) for row in rows] if parameters["require_target"] else rows

    def _admit(self, kind: str, around: RunConfig) -> Specification:
        """Return the specification of `credential_rotate` with a kind of target, once it can be used in this process.

        A third party's is loaded. Then the store is opened in this process, too, because no session loads such a target.
        """
        if kind == NO_TARGET:
            return CREDENTIAL_ROTATE
        specification = CREDENTIAL_ROTATE
        if is_third_party(kind):
            specification = load_specification(kind, read_extensions(around))
            self._client = client({**session_options(session_settings(around)), "enabled": False})
        check_requirements(find_target(kind).requires, self._shared_loader_obj.module_loader)
        return specification

    def _warn_of_no_target(self, rows: list[report.Row]) -> None:
        names = [row["name"] for row in rows if row["result"] == report.NO_TARGET_ASSIGNED]
        if names:
            shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
            what = (
                "{0} credentials are due and have no rotation target: {1}. Write 'rotation: {{target: NAME}}' with the module 'credential'."
            )
            Display().warning(what.format(len(names), shown))

    def _build_show(
        self, listed: list[dict[str, Any]], parameters: Mapping[str, Any], of_files: Sequence[str]
    ) -> Callable[[report.Row], object]:
        widths = report.measure_widths(listed)

        def show(row: report.Row) -> None:
            said = {**row, "holders": ()} if row["target"] in of_files else row  # their files are only written after all rotations
            Display().display(report.write_line(said, widths), color="red" if row["result"] in report.FAILURES else None)

        return show if parameters["show"] else lambda _row: None

    def _rotate(
        self,
        rotations: list[Rotation],
        failed: int,
        show: Callable[[report.Row], object],
        store: StoreReference,
        parameters: Mapping[str, Any],
        variables: Mapping[str, Any],
    ) -> list[report.Row]:
        run = DueRotations(rotations, failed, parameters["max_fail_percentage"], show)

        def ask(wanted: Mapping[str, Any]) -> Outcome:
            return self.ask(store, _ROTATE, wanted, variables)

        def drive(rotation: Any, perform: Callable[[dict[str, Any]], Outcome]) -> Outcome:
            try:
                return drive_rotation(perform, rotation["kind"], self, variables)
            except CredentialError as error:
                raise error.within(name=rotation["name"], store=store.name) from None

        with showing_progress(choose_label(self.operation, None), run.describe_progress):
            return run.run(parameters["parallel"], drive, ask, bool(self._task.check_mode))


def _read_target(
    described: DescribedTargets,
    row: Mapping[str, Any],
    admit: Callable[[str], Specification],
    name_hosts_of: Callable[[dict[str, Any]], dict[str, Any]],
) -> _Known | CredentialError | UserMessage:
    """Return the target and the validated options of `credential_rotate`; or why it cannot be used."""
    try:
        target = described.find(row["target"])
        arguments = resolve_target_options(target.build_arguments(row["options"]))
        specification = admit(target.kind)
        validated = validate({"name": row["name"], "phase": AUTO, "only_if_due": True, **arguments}, specification, _ROTATE)
        return target, validated if target.kind == NO_TARGET else name_hosts_of(validated)
    except UserMessage as message:
        return message
    except Exception as error:  # noqa: BLE001  # each credential has its own row in the report
        return as_credential_error(error)


def _check_takes(found: _Known | CredentialError | UserMessage, credential: str) -> _Known | CredentialError | UserMessage:
    """Return what was found; or why the target does not take this credential."""
    try:
        if isinstance(found, tuple):
            found[0].check_takes(credential)
    except CredentialError as error:
        return error
    return found


def _count_failures(rows: list[report.Row]) -> int:
    return len([row for row in rows if row["result"] in report.FAILURES])


def _name_target(row: Mapping[str, Any], error: Exception) -> str:
    return "target '{0}': {1}".format(row["target"], error)


def _fail_without_target(row: report.Row) -> report.Row:
    if row["result"] != report.NO_TARGET_ASSIGNED:
        return row
    return {**row, "result": report.FAILED, "code": InvalidConfiguration.code, "message": "it is due, and has no rotation target"}


def _build_outcome(whole: dict[str, Any], *problems: dict[str, str]) -> Outcome:
    rows = whole["report"]
    failed = [{**row, "msg": row["message"]} for row in rows if row["result"] in report.FAILURES]
    consumers = [row for row in whole["consumers"] if row["result"] == report.FAILED]
    failed += [{"name": "consumer {consumer} of {target}".format(**row), "msg": row["message"], "code": row["code"]} for row in consumers]
    failed += problems
    changed = [row["name"] for row in rows if row["changed"]]
    result = {**whole, "changed": bool(changed) or _has_informed(whole["consumers"]), "names": changed, "failed": bool(failed)}
    not_tried = len([row for row in rows if row["result"] == report.NOT_TRIED])
    if failed:
        # Ansible prints the whole result of a failed task, in one line. The lines above it, and the file, have every credential.
        result["report"] = [row for row in rows if row["result"] in report.FAILURES]
        more = " {0} were not tried.".format(not_tried) if not_tried else ""
        result.update(msg=describe_failures(failed, len(rows) + len(whole["consumers"]) + len(problems)) + more, code=failed[0]["code"])
    return Outcome(result)


def _has_informed(rows: list[report.Row]) -> bool:
    return any(row["result"] == report.INFORMED for row in rows)


def _check_target(described: DescribedTargets, name: str | None) -> None:
    """Raise InvalidInput if the option `target` names none that is described: nothing would be due then, night after night."""
    try:
        if name is not None:
            described.find(name)
    except CredentialError as error:
        raise InvalidInput(error.what, option="target", remedy=error.remedy) from None


def _check_report(path: str) -> None:
    """Raise InvalidInput if the report could not be written, or would replace another file."""
    full = os.path.abspath(resolve_path(path, "report"))
    try:
        if os.path.isdir(full):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), full)
        with tempfile.TemporaryFile(dir=os.path.dirname(full)):
            pass
    except OSError as error:
        what = translate(error, "the report", full).what
        raise InvalidInput(what, option="report", remedy="Nothing was rotated. Name a file in a directory that can be written.") from None
    check_earlier_report(full, "store")


def _write_report(path: str, content: Mapping[str, Any]) -> None:
    """Write the report. Raises StorageError if that fails."""
    full = os.path.abspath(resolve_path(path, "report"))
    try:
        write_durably(full, json.dumps(content, indent=2, ensure_ascii=False).encode("utf-8") + b"\n", _REPORT_MODE)
    except OSError as error:
        raise translate(error, "the report", full) from None
