# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of certificates stand on; `openssl` is their counterpart."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from datetime import datetime, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed: run apt-get install openssl")
KEYTOOL = shutil.which("keytool")
needs_keytool = pytest.mark.skipif(KEYTOOL is None, reason="keytool is not installed: run apt-get install default-jre-headless")
KIND = type_named("certificate", {})
PASSPHRASE = "c4n4ry of many words"


def secrets(**fields):
    return {name: Secret(value) for name, value in fields.items()}


def text(secret):
    return secret.expose().decode()


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return path


def openssl(*arguments, given=None):
    done = subprocess.run([OPENSSL, *map(str, arguments)], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def keytool(*arguments):
    done = subprocess.run([KEYTOOL, *map(str, arguments)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Store:
    """A store in memory, and a clock that a test moves."""

    def __init__(self):
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        self.opened = open_store({"backend": "memory"})
        self.manager = CredentialManager(self.opened.backend, clock=lambda: self.now)

    def ensure(self, name="app", generate=None, **fields):
        given = {field: None if value is None else Secret(value) for field, value in fields.items()}
        return self.manager.ensure(DesiredCredential(name, type="certificate", fields=given, generate=generate))

    def read(self, name="app", field="certificate"):
        return text(self.manager.token(name, field))

    def fields(self, name="app"):
        return dict(self.manager.get(name).fields)

    def write(self, directory, name, field="certificate"):
        """Write a field to a file, and return its path."""
        return write(directory / "{0}.{1}.pem".format(name, field), self.read(name, field))


@contextmanager
def open_memory():
    store = Store()
    try:
        yield store
    finally:
        store.opened.close()


def show(path):
    """The text that `openssl x509` shows of a certificate, by its headings."""
    return openssl("x509", "-in", path, "-noout", "-text", "-certopt", "no_sigdump,no_pubkey")


def verify(leaf, root, *options):
    """What `openssl verify` says of a chain; "" if it accepts it."""
    command = [OPENSSL, "verify", "-x509_strict", "-CAfile", str(root), *map(str, options), str(leaf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def rotate(store, name, **parameters):
    return perform(store.manager, "credential_rotate", dict(parameters, name=name, target="none"), AccessContext()).result
