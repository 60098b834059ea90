# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SoftHSM: an HSM in software, whose tokens are files. A token has all that `pkcs11` needs of a device. Debian: `softhsm2`.

Its library reads SOFTHSM2_CONF whenever it is initialized.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from pkcs11 import Attribute, KeyType

_LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so")


def find_library() -> str:
    """Return the path of its library. If there is none, the calling test fails in CI and is skipped, loudly, elsewhere."""
    found = [path for path in _LIBRARIES if os.path.exists(path)]
    if not found:
        from tests.conftest import cannot_run

        cannot_run("no SoftHSM on this machine. Install it with: apt-get install softhsm2")
    return found[0]


def write_configuration(directory: Path) -> Path:
    """Return the configuration of an HSM without a token, in a new directory."""
    (directory / "tokens").mkdir(parents=True, mode=0o700)
    path = directory / "softhsm2.conf"
    path.write_text("directories.tokendir = {0}\nlog.level = ERROR\n".format(directory / "tokens"), encoding="utf-8")
    return path


def make_token(label: str, pin: str) -> None:
    """Make a token in the HSM that SOFTHSM2_CONF names."""
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "an officer's pin"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def make_key(session: Any, label: str, *, extractable: bool = False) -> None:
    """Make an AES key of 256 bits."""
    template = {Attribute.EXTRACTABLE: extractable, Attribute.SENSITIVE: not extractable}
    session.generate_key(KeyType.AES, 256, label=label, store=True, template=template)
