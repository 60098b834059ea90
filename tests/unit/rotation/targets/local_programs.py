# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of a target, run as they are on this machine; and a service to change a password at: a file that holds the one it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

# Takes a value from standard input or NEBULA_VALUE. Modes: set, add, drop, try.
SERVICE = """
import os, pathlib, sys
mode, place = sys.argv[1], pathlib.Path(sys.argv[2])
value = os.environb[b"NEBULA_VALUE"] if b"NEBULA_VALUE" in os.environb else sys.stdin.buffer.read()[:-1]
held = place.read_bytes().split(b"\\0") if place.exists() else []
if place.with_suffix(".shut").exists():
    sys.exit(69)
if mode in ("set", "add") and place.with_suffix(".refuses").exists():
    sys.exit(77)
if mode == "try":
    sys.exit(0 if value in held else 77)
kept = {"set": [value], "add": [*held, value], "drop": [each for each in held if each != value]}[mode]
new = place.with_suffix(".new")
new.write_bytes(b"\\0".join(kept))
new.replace(place)
"""


class LocalPrograms:
    """Runs a target's programs on this machine, as `Modules` and as the driver's runner."""

    def __init__(self) -> None:
        self.arguments: list[str] = []
        self.notes: list[str] = []

    def run_program(self, argv: Sequence[str], stdin: bytes, limit: Any = "") -> Optional[int]:
        self.arguments.append(" ".join(argv))
        ended = subprocess.run(list(argv), input=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return ended.returncode

    def run(self, name: str, arguments: Mapping[str, Any], place: str = "") -> Mapping[str, Any]:
        raise AssertionError("a command runs no module")

    run_module = run

    def time_left(self) -> float:
        return 60.0

    def note(self, text: str) -> None:
        self.notes.append(text)


class FileService:
    """A service whose password is in a file, and the options of the target `command` that reach it."""

    def __init__(self, directory: Path) -> None:
        self.place = directory / "service"
        self.program = directory / "service.py"
        self.program.write_text(SERVICE, encoding="utf-8")

    def command(self, mode: str) -> list[str]:
        return [sys.executable, "-I", "-S", str(self.program), mode, str(self.place)]

    def options(self, **changes: Any) -> dict[str, Any]:
        own = {"apply": self.command("set"), "verify": self.command("try"), "secret_in": "stdin", "overlap": "none", "time_limit": 60}
        return {**own, **changes}

    def dual(self, **changes: Any) -> dict[str, Any]:
        """The options for a service that takes several passwords at once."""
        return self.options(apply=self.command("add"), retire=self.command("drop"), overlap="dual", **changes)

    def take(self, *values: bytes) -> None:
        self.place.write_bytes(b"\0".join(values))

    def held(self) -> list[bytes]:
        return self.place.read_bytes().split(b"\0")

    def shut(self) -> None:
        """Be unreachable for the programs."""
        self.place.with_suffix(".shut").touch()

    def refuse(self) -> None:
        """Refuse every new value."""
        self.place.with_suffix(".refuses").touch()

    def reopen(self) -> None:
        for mark in (".shut", ".refuses"):
            self.place.with_suffix(mark).unlink(missing_ok=True)
