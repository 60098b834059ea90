# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of SSH keys and of their certificates stand on; `ssh-keygen` is their counterpart."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import openssh, private_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

KEYGEN = shutil.which("ssh-keygen")
needs_keygen = pytest.mark.skipif(KEYGEN is None, reason="ssh-keygen is not installed: run apt-get install openssh-client")
KIND = type_named("ssh_key", {})
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
PASSPHRASE = "c4n4ry of many words"
EVERY_KEY = [{}, {"kind": "ecdsa"}, {"kind": "ecdsa", "bits": 384}, {"kind": "ecdsa", "bits": 521}, {"kind": "rsa"}]


def secrets(**fields):
    return {name: Secret(value) for name, value in fields.items()}


def text(secret):
    return secret.expose().decode()


def generate(options=None, **fields):
    return KIND.validate(KIND.generate(options or {}, secrets(**fields)))


def shown(fields, name):
    return text(KIND.read(fields, {}, name))


def write(path, content):
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    return path


def keygen(*arguments, given=None):
    done = subprocess.run([KEYGEN, *map(str, arguments)], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sign(fields, ca, kind="user", extensions=("permit-pty",), lasts=timedelta(days=30), now=NOW):
    terms = openssh.CertificateTerms(kind, ("app",), lasts, extensions)
    keys = [private_keys.read_private_key(each["private_key"].expose(), None, "ssh_key") for each in (fields, ca)]
    return openssh.sign(keys[0].public_key(), keys[1], "app/key", terms, now)
