# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One rule for every file that holds a secret, and who may be able to change the configuration."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.login import Login
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tls import transport
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.url import parse_address
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.auth_options import auth_of
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import passphrase
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.key_file import KeyFile
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InsecurePermissions
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import (
    check_not_open_to_all,
    check_private_file,
    ensure_private_directory,
    has_file,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import private_key_path
from tests.other_user import STRANGER, call_as_stranger

GROUP = 471200
STORE = bytes(16)


@pytest.fixture
def volume():
    """A directory that every user can enter."""
    directory = Path(tempfile.mkdtemp(prefix="nebula-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def as_member(work, groups=(GROUP,)):
    """Call `work` as a user who is in these groups only. Return what it returns, or its error."""
    outcome = call_as_stranger(work, groups)
    return "{0}: {1}".format(*outcome) if outcome.error else "returned " + outcome.text


def mounted(volume, content, mode=0o440, owner=0, group=GROUP):
    """A Secret as it is mounted into a pod: a link to a link to a file. Return the path to name."""
    real = volume / "..2026_11_29"
    real.mkdir(exist_ok=True)
    file = real / "secret"
    file.write_bytes(content)
    os.chown(file, owner, group)
    file.chmod(mode)
    os.chown(real, 0, GROUP)
    real.chmod(0o2755)
    (volume / "..data").symlink_to(real.name)
    (volume / "secret").symlink_to("..data/secret")
    volume.chmod(0o1777)
    return str(volume / "secret")


def key_of(path):
    """The key file's key, read as a store reads it."""
    source = KeyFile(path, print)
    return len(source._read(source.path(STORE)))


def test_a_key_file_of_a_mounted_secret_is_read_by_its_group(volume, tmp_path):
    KeyFile(str(tmp_path / "made"), print).prepare(STORE, renew=False)
    path = mounted(volume, (tmp_path / "made").read_bytes())
    assert as_member(lambda: key_of(path)) == "returned 1"


def a_passphrase(path):
    return passphrase.from_file(path, "", print)._read_passphrase().expose().decode()


def a_database_password(path):
    return Login(parse_address("postgresql://u@h/d"), {"password_file": path}, print).password().expose().decode()


def a_vault_login(path):
    return auth_of({"method": "approle", "role_id": "r", "secret_id_file": path}).text("secret_id")


def a_vault_token(path):
    return auth_of({"token_file": path}).text("token")


def a_private_key(path):
    return private_key_path("client_key", path) and "canary"


def a_key_of_a_database(path):
    return transport(parse_address("postgresql://u@h/d"), {"tls_cert": path, "tls_key": path}, print) and "canary"


READERS = [a_passphrase, a_database_password, a_vault_login, a_vault_token, a_private_key, a_key_of_a_database]


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize(
    ("mode", "owner", "group", "accepted"),
    [
        (0o440, 0, GROUP, True),
        (0o400, STRANGER, STRANGER, True),
        (0o600, STRANGER, GROUP, True),
        (0o444, 0, GROUP, False),
        (0o640, STRANGER, GROUP, False),
        (0o440, STRANGER + 1, GROUP, False),
        (0o660, 0, GROUP, False),
    ],
)
def test_every_reader_of_a_secret_has_the_same_rule(volume, read, mode, owner, group, accepted):
    path = mounted(volume, b"canary", mode, owner, group)
    text = as_member(lambda: read(path))
    assert text.startswith("returned canary" if accepted else "InsecurePermissions: "), text
    assert accepted or "canary" not in text


def test_a_file_of_root_for_another_group_is_refused_with_what_can_be_done(volume):
    path = mounted(volume, b"canary", 0o444, 0, GROUP)
    text = as_member(lambda: a_passphrase(path))
    assert "defaultMode: 0440" in text
    assert "'_env'" in text
    assert "Run as its owner" not in text


def test_a_token_that_the_platform_renews_may_have_the_mode_it_gives(volume):
    """The token of a service account is 0644 unless the pod says who reads it, and no user can change that."""
    path = mounted(volume, b"canary", 0o644)
    assert as_member(lambda: auth_of({"method": "jwt", "role": "r", "jwt_file": path}).text("jwt")) == "returned canary"


def test_a_volume_for_a_group_is_a_private_directory_of_its_members(volume):
    """A volume with `fsGroup` is root's, 2770; a store may be in it."""
    os.chown(volume, 0, GROUP)
    volume.chmod(0o2770)

    def ensure(path):
        return ensure_private_directory(str(path), "the directory", print)

    assert as_member(lambda: ensure(volume)) == "returned None"
    assert as_member(lambda: ensure(volume / "store")) == "returned None"
    volume.chmod(0o2775)
    assert as_member(lambda: ensure(volume)).startswith("InsecurePermissions: ")


def test_roots_own_directory_stays_roots(volume):
    volume.chmod(0o750)
    with pytest.raises(InsecurePermissions, match="chmod 700"):
        ensure_private_directory(str(volume), "the directory", print)


@pytest.mark.parametrize("mode", [0o666, 0o602, 0o777])
def test_a_configuration_that_everyone_can_write_is_refused(volume, mode):
    path = volume / "nebula.yml"
    path.touch()
    path.chmod(mode)
    with pytest.raises(InsecurePermissions, match="chmod o-w {0}$".format(path)):
        check_not_open_to_all(str(path), "the configuration file", print)


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o660, 0o644])
def test_a_configuration_that_a_group_can_write_is_accepted(volume, mode):
    path = volume / "nebula.yml"
    path.touch()
    path.chmod(mode)
    check_not_open_to_all(str(path), "the configuration file", print)


def test_a_configuration_that_everyone_can_replace_is_refused(volume):
    """In its directory, or in that of the file it links to; not if only its owner may remove a file there."""
    path, real = volume / "nebula.yml", volume / "there" / "nebula.yml"
    real.parent.mkdir()
    real.touch()
    path.symlink_to(real)
    check_not_open_to_all(str(path), "the configuration file", print)
    real.parent.chmod(0o777)
    with pytest.raises(InsecurePermissions, match="chmod o-w {0}$".format(real.parent)):
        check_not_open_to_all(str(path), "the configuration file", print)
    real.parent.chmod(0o1777)
    check_not_open_to_all(str(path), "the configuration file", print)


def test_what_cannot_be_reached_is_not_missing(volume):
    """A directory that this user may not enter: the error names the path."""
    hidden = volume / "hidden"
    hidden.mkdir(mode=0o700)
    path = str(hidden / "x")
    for look in (lambda: has_file(path, "the key file"), lambda: key_of(path), lambda: a_passphrase(path), lambda: a_vault_token(path)):
        text = as_member(look)
        assert text.startswith(AccessDenied.__name__), text
        assert path in text
    assert as_member(lambda: has_file(str(volume / "absent" / "x"), "the key file")) == "returned False"
    check_private_file(mounted(volume, b"", 0o400), "the key file")
