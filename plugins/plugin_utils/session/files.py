# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with values, in the private directory of the run's session: they are gone with the run.

A file is named by a keyed digest of its content, so all processes of the run have one path for one value, and a new value has another
path: who reads the old one still can. The key is random and in the same directory, so a path, which output shows, reveals nothing of the
value.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress

from ansible_collections.nebula.credential.plugins.module_utils.errors import StorageError, Unavailable
from ansible_collections.nebula.credential.plugins.plugin_utils.session.abandoned import read_abandoned
from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import controller, directory_of, is_private
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place

KEY_BYTES = 32
MODE = 0o600
_PEM_BEGINS, _PEM_ENDS = b"-----BEGIN ", b"-----"


def keep_file(content: bytes) -> str:
    """Return the path of a file of mode 0600 with this content, which the session removes when the run ends.

    A text in PEM that has lost its last line break, as in a form of a browser, gets it back: OpenSSH reads no key without it.

    Raises:
        Unavailable: the run has no session, so nothing would remove the file.
        StorageError: the file cannot be written.
    """
    if content.startswith(_PEM_BEGINS) and content.endswith(_PEM_ENDS):
        content += b"\n"
    place = Place(directory_of(*controller()))
    why = _find_reason_against(place)
    if why is not None:
        what = "a file needs the run's session, which removes it when the run ends, and this run has none ({0})".format(why)
        remedy = "Leave 'session' on (docs/advanced/session.md); or read the value by 'get', and write the file where it is needed."
        raise Unavailable(what, remedy=remedy)
    try:
        with suppress(FileExistsError):
            os.mkdir(place.files, 0o700)
        if not is_private(place.files):
            raise PermissionError
        path = os.path.join(place.files, hmac.new(_read_key(place.files), content, "sha256").hexdigest()[:32])
        if not os.path.exists(path):
            _write(path, content, os.rename)
    except OSError as error:
        what = "a file in the session's directory cannot be written ({0})".format(
            os.strerror(error.errno) if error.errno else "not private"
        )
        raise StorageError(what, remedy="Check the free space of {0}.".format(os.path.dirname(place.directory))) from None
    return path


def _find_reason_against(place: Place) -> str | None:
    if not is_private(place.directory):
        return "it is switched off, or did not start"
    why = read_abandoned(place.directory)
    return why if why is not None or os.path.exists(place.socket) else "it ended, or was killed"


def _read_key(directory: str) -> bytes:
    """Return the key of the run. The first process makes it; a link is whole, or not there."""
    path = os.path.join(directory, "key")
    if not os.path.exists(path):
        with suppress(FileExistsError):
            _write(path, secrets.token_bytes(KEY_BYTES), os.link)
    with open(path, "rb") as file:
        return file.read()


def _write(path: str, content: bytes, publish: Callable[[str, str], None]) -> None:
    draft = "{0}.{1}.{2}".format(path, os.getpid(), secrets.token_hex(4))
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    try:
        os.fchmod(descriptor, MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        publish(draft, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)
