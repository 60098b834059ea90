# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credential helpers of Git, to read only: the command as it is written, with its action (`get`, or `fill` of `git credential`).

git-credential(1): attributes as lines `key=value`, ended by an empty line. Silence means that there is no such login.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional
from urllib.parse import unquote, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.options import ADDRESS
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.read_only import MOST_BYTES, NAME, CredentialHelper
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidToken, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

_FIELDS = {"username": "username", "password": "password", "oauth_refresh_token": "refresh_token"}
_NO_LOGIN = (b"terminal prompts disabled", b"unable to read askpass response")
"""What git says if no helper has the login, and it may prompt for none."""


class GitHelper(CredentialHelper):
    """Logins of servers, in the fields `username`, `password` and `refresh_token`, with their expiry."""

    default_address = "https://" + NAME
    environment = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
        "SSH_ASKPASS": "false",
        "GCM_INTERACTIVE": "never",
        "LC_ALL": "C",
    }
    """Nothing prompts: neither git, nor a program that it would start for that, nor Git Credential Manager."""

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Take the store's options. Runs nothing.

        Raises:
            InvalidConfiguration: as the base, or the address is none that git could take.
        """
        super().__init__(options, context)
        _read_address(self.address)

    def read_login(self, address: str) -> Optional[Record]:
        """Return the login of an address, or None.

        Raises:
            InvalidToken: it is longer than helpers carry.
            Unavailable: there was no answer.
        """
        lines = ["{0}={1}".format(key, value) for key, value in _read_address(address).items()]
        finished = self.program.run([], ("\n".join(lines) + "\n\n").encode("utf-8"))
        if finished.status != 0:
            if any(words in finished.errors for words in _NO_LOGIN):
                return None
            what = "the credential helper {0} failed: {1}".format(ascii(self.program.name), self.program.describe_end(finished))
            raise Unavailable(what, remedy=self.program.describe_errors(finished))
        if len(finished.output) >= MOST_BYTES:
            what = "the login is longer than {0} KiB, which helpers of Git do not carry".format(MOST_BYTES // 1024)
            raise InvalidToken(what, remedy="Read it with the tool that stores it.")
        found = self._read_attributes(finished.output)
        if "password" not in found:
            return None
        fields = {field: found[key] for key, field in _FIELDS.items() if key in found}
        return self.build_record(fields, _read_expiry(found.get("password_expiry_utc")))

    def _read_attributes(self, output: bytes) -> Dict[str, bytes]:
        found = {}
        for line in output.split(b"\n"):
            key, mark, value = line.partition(b"=")
            if line and (not mark or b"\0" in line or b"\r" in line):
                what = "the credential helper {0} answered something else than lines 'key=value'".format(ascii(self.program.name))
                raise Unavailable(what, remedy="Check that 'command' is a helper of Git, with its action 'get' or 'fill'.")
            found[key.decode("utf-8", "replace")] = value
        return found


def _read_address(address: str) -> Dict[str, str]:
    """Return the attributes of an address.

    Raises:
        InvalidConfiguration: it has no protocol or no host, or holds a password.
    """
    try:
        parts = urlsplit(address.replace(NAME, "name"))
        real = urlsplit(address)
    except ValueError:
        parts = real = urlsplit("")
    if not parts.scheme or not parts.netloc or parts.password is not None or any(letter in address for letter in "\n\r\0"):
        remedy = "Write it as 'https://{name}' or 'https://user@git.example.com/{name}', without a password."
        raise InvalidConfiguration("it is no address that git takes", option=ADDRESS, remedy=remedy)
    found = {"protocol": real.scheme, "host": real.netloc.rpartition("@")[2], "path": real.path.lstrip("/")}
    if "@" in real.netloc:
        found["username"] = unquote(real.netloc.rpartition("@")[0])
    return {key: value for key, value in found.items() if value}


def _read_expiry(seconds: Optional[bytes]) -> Optional[datetime]:
    """Return the time that git's `password_expiry_utc` names; None if it names none."""
    try:
        return None if seconds is None else datetime.fromtimestamp(int(seconds), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
