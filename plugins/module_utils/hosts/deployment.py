# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`deploy` on a host: compare the files with digests; with their contents, write those that differ."""

from __future__ import annotations

import os
import shlex
from base64 import b64decode
from contextlib import ExitStack
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.deploy import ABSENT, DEPLOY, SYSTEMD
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.hosts import files
from ansible_collections.nebula.credential.plugins.module_utils.hosts.directories import open_directory
from ansible_collections.nebula.credential.plugins.module_utils.hosts.module import HostModule, Work, run_host_module

FILE = Mapping[str, Any]


def run_deploy() -> None:
    """Run the module `deploy` on the host."""
    run_host_module(DEPLOY, deploy)


def deploy(module: HostModule, work: Work) -> Dict[str, Any]:
    """Compare the files, and write them unless the work lacks the content of one that differs, or this is check mode.

    Args:
        module: the module.
        work: `files`: of each `dest`, `state`; unless it is to be absent `owner`, `group`, `mode` (a number), `key` and `digest`
            (`hosts.files.Wanted`), `format`, `validate`, `versions` of the credentials in it; in the second step `content` (base64).

    Returns:
        `{files: [{before, versions, differs, owner, group}], is_done, unnoted}`: `before` are the attributes of the file, None if there is
        none; `differs` names what is not as it should be; `owner` and `group` are those that the file is to have; `unnoted` are the files
        with which nothing can be noted.

    Raises:
        CredentialError: nothing was changed, unless the message says so.
    """
    with ExitStack() as opened:
        each = [_Place(file, opened) for file in work["files"]]
        found = [place.compare() for place in each]
        needs = [place for place, file in zip(each, found) if files.CONTENT in file["differs"] and place.file["state"] != ABSENT]
        is_done = not module.check_mode and all("content" in place.file for place in needs)
        unnoted = _apply(module, list(zip(each, found)), opened) if is_done else []
    return {"files": found, "is_done": is_done, "unnoted": unnoted, "changed": is_done and any(file["differs"] for file in found)}


class _Place:
    """One file of the task, in its directory, which is open."""

    def __init__(self, file: FILE, opened: ExitStack) -> None:
        self.file = file
        self.dest: str = file["dest"]
        self.name = os.path.basename(self.dest)
        self.directory = opened.enter_context(open_directory(self.dest))
        self.wanted: Optional[files.Wanted] = None if file["state"] == ABSENT else self._try(files.read_wanted, self.name, file)

    def _try(self, act: Any, *arguments: Any) -> Any:
        try:
            return act(*arguments)
        except OSError as error:
            raise files.translate(error, self.dest) from None
        except CredentialError as error:
            error.what = "{0}: {1}".format(ascii(self.dest), error.what)
            raise

    def compare(self) -> Dict[str, Any]:
        """Return what `deploy` returns of the file."""
        if self.wanted is None:
            there = self._try(files.is_there, self.directory, self.name)
            return {"before": {} if there else None, "versions": {}, "differs": [files.CONTENT] if there else []}
        found = self._try(files.compare, self.directory, self.wanted) or files.Found(None, {}, [files.CONTENT])
        wanted = {"owner": files.name_user(self.wanted.uid), "group": files.name_group(self.wanted.gid)}
        return {"before": found.before, "versions": found.versions, "differs": found.differs, **wanted}

    def stage(self, opened: ExitStack) -> Tuple[files.NewFile, bool]:
        """Write the new file under a temporary name. Return it, and whether something could be noted with it."""
        return self._try(self._stage, self.wanted, opened)  # type: ignore[no-any-return]

    def _stage(self, wanted: files.Wanted, opened: ExitStack) -> Tuple[files.NewFile, bool]:
        new = files.NewFile(self.directory, wanted)
        opened.callback(new.close)
        content = b64decode(self.file["content"])
        if self.file["format"] == SYSTEMD:
            content = _encrypt_for_systemd(self.name, content)
        return new, new.write(content, self.file["versions"])

    def act(self, act: Any) -> None:
        """Do something in the directory."""
        self._try(act)


def _apply(module: HostModule, places: List[Tuple[_Place, Dict[str, Any]]], opened: ExitStack) -> List[str]:
    """Write all new files and validate them before the first one is put in place. Return those with which nothing can be noted."""
    unnoted = []
    staged: List[Tuple[_Place, files.NewFile]] = []
    for place, found in places:
        place.act(lambda each=place: files.remove_left_over(each.directory, each.name))
        if place.wanted is not None and files.CONTENT in found["differs"]:
            new, is_noted = place.stage(opened)
            staged.append((place, new))
            unnoted += [] if is_noted else [place.dest]
    for place, new in staged:
        _validate(module, place, new.name)
    _put_in_place(places, staged)
    return unnoted


def _put_in_place(places: List[Tuple[_Place, Dict[str, Any]]], staged: List[Tuple[_Place, files.NewFile]]) -> None:
    """Rename the new files, then remove files and change attributes. If one fails, its error names those that are done."""
    done: List[str] = []
    try:
        for place, new in staged:
            place.act(new.become)
            done.append(place.dest)
        for place, found in places:
            done += [place.dest] if _apply_rest(place, found["differs"]) else []
    except CredentialError as error:
        if done:
            error.what = "{0}; changed before: {1}".format(error.what, ", ".join(map(ascii, done)))
            error.remedy = error.remedy.replace("Nothing was changed. ", "")
        raise


def _apply_rest(place: _Place, differs: List[str]) -> bool:
    """Remove a file, or change its attributes, if that is what differs. Return whether it was."""
    wanted = place.wanted
    if not differs or (wanted is not None and files.CONTENT in differs):
        return False
    if wanted is None:
        place.act(lambda: files.remove(place.directory, place.name))
    else:
        place.act(lambda: files.set_attributes(place.directory, wanted))
    return True


def _validate(module: HostModule, place: _Place, name: str) -> None:
    """Run the validation of a new file.

    Raises:
        InvalidInput: it failed. Its output may quote the file, and is not shown.
    """
    command = place.file.get("validate")
    if not command:
        return
    path = os.path.join(os.path.dirname(place.dest), name)
    argv = [part.replace("%s", path) for part in shlex.split(command)]
    try:
        status = module.run_command(argv, handle_exceptions=False)[0]
    except OSError as error:
        what = "{0}: the program {1} cannot be started: {2}".format(ascii(place.dest), ascii(argv[0]), os.strerror(error.errno or 0))
        raise InvalidInput(what, option="validate", remedy="Nothing was changed. Name a program of the host.") from None
    if status != 0:
        what = "{0}: the validation of the new file ended with status {1}".format(ascii(place.dest), status)
        raise InvalidInput(
            what, option="validate", remedy="Nothing was changed. Run it by hand on a copy of the file: its output is not shown."
        )


def _encrypt_for_systemd(name: str, content: bytes) -> bytes:
    """Return the content as a credential of systemd, which this host alone decrypts, under the name of the file without `.cred`.

    Raises:
        InvalidConfiguration: the host cannot encrypt it.
    """
    # Imported here: other files need no program.
    from ansible_collections.nebula.credential.plugins.module_utils.context.process import TooSlow, find_environment, run_program

    argv = ["systemd-creds", "encrypt", "--name=" + (name[: -len(".cred")] if name.endswith(".cred") else name), "-", "-"]
    remedy = "The host needs systemd 250 or later, and root; without a TPM it keeps its key in /var/lib/systemd/credential.secret."
    try:
        finished = run_program(argv, content, find_environment(()), 60.0)
    except TooSlow:
        raise InvalidConfiguration("systemd-creds did not end", option="format", remedy=remedy) from None
    except InvalidConfiguration as error:
        raise InvalidConfiguration(error.what, option="format", remedy=remedy) from None
    if finished.status != 0:
        what = "systemd-creds ended with status {0}".format(finished.status)
        raise InvalidConfiguration(what, option="format", remedy=remedy)
    return finished.output
