# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `ansible-vault` encrypts, in the forms in which projects have it."""

from __future__ import annotations

from ansible.parsing.vault import VaultLib, VaultSecret

PASSWORDS = {"default": "first word", "prod": "second word"}


def encrypt(text, vault_id="default"):
    """The text of an encrypted file."""
    secret = VaultSecret(PASSWORDS[vault_id].encode())
    content = text.encode() if isinstance(text, str) else text
    return VaultLib([(vault_id, secret)]).encrypt(content, secret, None if vault_id == "default" else vault_id).decode()


def inline(text, indent, vault_id="default", header="!vault |"):
    """An encrypted variable, as `ansible-vault encrypt_string` prints it, without its name."""
    return header + "\n" + "".join(" " * indent + line + "\n" for line in encrypt(text, vault_id).splitlines())


def write_passwords(project):
    """The arguments of a run that has both passwords."""
    arguments = []
    for name, word in PASSWORDS.items():
        arguments += ["--vault-id", "{0}@{1}".format(name, project.write("word-" + name, word + "\n"))]
    return arguments
