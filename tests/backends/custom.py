# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend custom: the documented command that keeps files, which speaks the protocol `nebula`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.backends.harness import Choice, Harness, Options, Place, StoreKind, encrypting

CROWD = 32 if os.environ.get("NEBULA_TEST_PROFILE") == "long" else 6
COMMANDS = Path(__file__).resolve().parents[2] / "docs" / "examples" / "custom-backends" / "commands"


def run_recipe(name: str) -> list:
    """The command of a documented recipe."""
    return [sys.executable, "-S", "-E", "-s", str(COMMANDS / (name + ".py"))]


def _in_files(directory: Path, *, encrypt: bool = False) -> Options:
    # Each request is a process, which takes long on a busy machine.
    limits = {"read_timeout": 120.0, "write_timeout": 120.0}
    return {"command": run_recipe("file_store"), "options": {"directory": str(directory / "store")}, "encrypt": encrypt, **limits}


def _encrypted_in_files(directory: Path) -> Options:
    return _in_files(directory, encrypt=True)


HARNESS = Harness(
    backend="custom",
    kinds=(
        StoreKind("custom", "custom", _in_files, many=False, crowd=CROWD),
        StoreKind("custom-encrypted", "custom", _encrypted_in_files, encrypting, many=False, crowd=CROWD, plays=False, long_only=True),
    ),
    offline=_in_files,
    mistake=({"command": ["bin/vault-of-mine"]}, "command"),
    choices=(
        Choice(
            "A command of yours",
            "{backend: custom, command: [python3, /opt/nebula/pass_store.py]}",
            ("custom",),
            Place.PROGRAM,
            "commands for files, pass, SOPS, keyrings and KeePass",
            rights="the command's",
            note="as far as the command can, with a process for each request; [recipes](../../how-to/custom-backends.md#recipes)",
        ),
        Choice(
            "A credential helper of Git or Docker",
            "{backend: custom, command: [git, credential, fill], protocol: git}",
            (),
            Place.PROGRAM,
            "Git's own, and Docker's for pass",
            rights="the helper's",
            note="only read",
        ),
    ),
)
