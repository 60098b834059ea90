# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ours is measured beside. Each answers a function that reads the value once, or None where it is not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Mapping, Optional

REPEATED = 15
Read = Optional[Callable[[Any], Any]]


def plain_durable_write(directory: Path, name: str, content: bytes) -> None:
    """What any store has to do that loses nothing: write, fsync, rename, fsync the directory."""
    temporary = directory / (name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(directory / name)
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def ansible_vault_in_process(root: Path, value: str) -> Read:
    """Decrypting one vaulted variable, with what ansible-core itself uses.

    Encrypted by another process: this one would remember the derived key.
    """
    from ansible.parsing.vault import VaultLib, VaultSecret

    program = (
        "from {0} import *\n"
        "vault = VaultLib([('default', VaultSecret(b'a vault password'))])\n"
        "for each in range({1}): print(vault.encrypt({2!r}).hex())"
    )
    program = program.format(VaultLib.__module__, REPEATED, value)
    made = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    encrypted = [bytes.fromhex(line) for line in made.stdout.decode().split()]
    vault = VaultLib([("default", VaultSecret(b"a vault password"))])
    return lambda turn: vault.decrypt(encrypted[turn])


def ansible_vault_command(root: Path, value: str) -> Read:
    """The command line, as scripts use it."""
    program = shutil.which("ansible-vault")
    if not program:
        return None
    password, encrypted = root / "vault.password", root / "vaulted"
    password.write_text("a vault password", encoding="ascii")
    encrypted.write_text(value, encoding="ascii")
    with_password = ["--vault-password-file", str(password), str(encrypted)]
    subprocess.run([program, "encrypt", *with_password], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return lambda _nothing: subprocess.run([program, "view", *with_password], check=True, stdout=subprocess.DEVNULL)


def pass_with_gpg(root: Path, value: str) -> Read:
    """`pass show`, with a key without passphrase, so that no agent asks."""
    if not (shutil.which("pass") and shutil.which("gpg")):
        return None
    home = root / "gnupg"
    home.mkdir(mode=0o700)
    environment = dict(os.environ, GNUPGHOME=str(home), PASSWORD_STORE_DIR=str(root / "password-store"))

    def run(*command: str, given: bytes = b"") -> None:
        subprocess.run(command, input=given, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "bench@localhost", "default", "default", "never")
    run("pass", "init", "bench@localhost")
    run("pass", "insert", "--multiline", "one", given=value.encode())
    return lambda _nothing: run("pass", "show", "one")


PEERS: Mapping[str, Callable[[Path, str], Read]] = {
    "ansible-vault, decrypting one variable in process": ansible_vault_in_process,
    "ansible-vault view, the command": ansible_vault_command,
    "pass show, the command (pass and gpg)": pass_with_gpg,
}
