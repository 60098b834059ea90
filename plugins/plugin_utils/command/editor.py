# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edit a secret text in the user's editor, on a file that is in memory where the system has such a place."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import note

_IN_MEMORY = ("tmpfs", "ramfs")
_SHARED_MEMORY = "/dev/shm"  # noqa: S108  # what is made there has a random name, and is this user's alone
_MOUNTS = "/proc/self/mountinfo"
_EDITORS = ("editor", "vi", "nano")
_MOST_BYTES = 64 * 1024 * 1024
WITHOUT_TRACES = dict.fromkeys(("vim", "nvim"), ("-n", "-i", "NONE", "-c", "set noundofile nobackup nowritebackup"))
"""Options of editors that would keep texts in the home: no swap file, no history of registers, no file of undo steps and no backup.

`-c` comes after the user's own settings, which may ask for the last two."""
_ENDING = (signal.SIGHUP, signal.SIGTERM)


def edit_text(text: str, extension: str) -> str:
    """Return what the user made of a text in the editor.

    Args:
        text: the text.
        extension: of the file's name, so that the editor knows its language.

    Raises:
        InvalidConfiguration: there is no editor, or it cannot be started.
        InvalidInput: it has failed, or what it left is no text. Nothing is written then.
    """
    command = find_editor()
    with _private_directory() as directory:
        path = directory / ("credential." + extension)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        _run([*command, str(path)])
        try:
            content = path.read_bytes()
            if len(content) > _MOST_BYTES:
                raise InvalidInput("the text has become too long", remedy="Nothing was written.")
            return content.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            raise InvalidInput("the editor left no text", remedy="Nothing was written.") from None


def find_editor() -> list[str]:
    """Return the command of the user's editor: VISUAL, EDITOR, else one that is installed.

    Raises:
        InvalidConfiguration: there is none.
    """
    for variable in ("VISUAL", "EDITOR"):
        if os.environ.get(variable):
            try:
                command = shlex.split(os.environ[variable])
            except ValueError:
                command = []
            if not command:
                raise InvalidConfiguration("it is no command", option=variable, remedy="Name the program of your editor.")
            return [*command, *_find_options(command[0])]
    found = next((path for path in map(shutil.which, _EDITORS) if path), None)
    if found is None:
        raise InvalidConfiguration("there is no editor", option="EDITOR", remedy="Install one, and name it in EDITOR.")
    return [found, *_find_options(found)]


def _find_options(program: str) -> tuple[str, ...]:
    """Return the options against traces. A program is known by its own name, too: `vi` may be a link to `vim.basic`."""
    paths = (program, os.path.realpath(shutil.which(program) or program))
    names = [os.path.basename(path).partition(".")[0] for path in paths]
    return next((WITHOUT_TRACES[name] for name in names if name in WITHOUT_TRACES), ())


def find_place() -> tuple[str, bool]:
    """Return the directory for the file, and whether it is in memory."""
    in_memory = _list_mounts_in_memory()
    for place in (_SHARED_MEMORY, os.environ.get("XDG_RUNTIME_DIR", "")):
        if place and os.access(place, os.W_OK | os.X_OK) and _find_mount(place) in in_memory:
            return place, True
    return tempfile.gettempdir(), False


def _list_mounts_in_memory() -> set[str]:
    """Return the mount points in memory; none where the system does not list them."""
    try:
        lines = Path(_MOUNTS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return set()
    # proc(5): the fifth field is the mount point, the first after the dash is the type. The last line of a mount point counts.
    kinds = {line.split(" ")[4]: line.partition(" - ")[2].split(" ")[0] for line in lines}
    return {place for place, kind in kinds.items() if kind in _IN_MEMORY}


def _find_mount(place: str) -> str:
    path = os.path.realpath(place)
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


@contextmanager
def _private_directory() -> Iterator[Path]:
    """Create a directory of this user's alone, and remove it with all that the editor left in it."""
    place, is_in_memory = find_place()
    if not is_in_memory:
        note("This system has no directory in memory: the file is in {0} until you are done, and is overwritten then.".format(place))
    with _ending_in_order():
        directory = tempfile.mkdtemp(prefix="nebula-", dir=place)
        try:
            yield Path(directory)
        finally:
            for number in (*_ENDING, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            _wipe(directory)


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Inside the `with` block, a signal that would end this process raises SystemExit, so that the file does not stay."""

    def end(number: int, _frame: Any) -> None:
        for each in _ENDING:  # A second one must not end what the first one has begun.
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in (*_ENDING, signal.SIGINT)}
    for number in _ENDING:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wipe(directory: str) -> None:
    for folder, _folders, files in os.walk(directory):
        for name in files:
            with suppress(OSError):  # The editor may have made it read-only, or removed it meanwhile.
                _overwrite(os.path.join(folder, name))
    shutil.rmtree(directory)


def _overwrite(path: str) -> None:
    status = os.lstat(path)
    if stat.S_ISREG(status.st_mode):
        with open(path, "r+b", buffering=0) as file:
            file.write(bytes(status.st_size))
            os.fsync(file.fileno())


def _run(command: list[str]) -> None:
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        what = "the editor {0} cannot be started: {1}".format(ascii(command[0]), os.strerror(error.errno or 0))
        raise InvalidConfiguration(what, option="EDITOR", remedy="Name the program of your editor.") from None
    # As system(3): Ctrl-C is the editor's. If this process ended, the file would stay.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        status = process.wait()
    except SystemExit:
        process.terminate()  # its file is about to go
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if status:
        raise InvalidInput("the editor ended with status {0}".format(status), remedy="Nothing was written.")
