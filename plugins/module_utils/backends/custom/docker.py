# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credential helpers of Docker, to read only: `<helper> get` and `<helper> list`.

https://github.com/docker/docker-credential-helpers: `get` takes the address on standard input. Its answer is JSON; that there is no such
login is a text on standard output and exit status 1.
"""

from __future__ import annotations

from typing import Iterator, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.read_only import MOST_BYTES, NAME, VERSION, CredentialHelper
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidToken, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.names import read_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record

_ABSENT = b"credentials not found in native keychain"
_TOKEN_LOGIN = "<token>"
"""The user name of an identity token."""


class DockerHelper(CredentialHelper):
    """Logins of registries, in the fields `username` and `password`."""

    def read_login(self, address: str) -> Optional[Record]:
        """Return the login of an address, or None.

        Raises:
            InvalidToken: its secret cannot have come whole through a helper.
            Unavailable: there was no answer.
        """
        found = self._ask("get", (address + "\n").encode("utf-8"))
        if found is None:
            return None
        user, secret = found.get("Username"), found.get("Secret")
        if not isinstance(user, str) or not isinstance(secret, str) or found.get("ServerURL", address) not in (address, ""):
            raise self._nonsense_error("get")
        if not user and not secret:
            return None  # That is how the helper for pass says that there is none.
        content = secret.encode("utf-8", "surrogatepass")
        if len(content) >= MOST_BYTES or any(letter in secret for letter in "\n\r\0"):
            what = "the secret is longer than a line of {0} KiB, which helpers of Docker do not carry whole".format(MOST_BYTES // 1024)
            raise InvalidToken(what, remedy="Read it with the tool that stores it.")
        names = ("username", "identity_token" if user == _TOKEN_LOGIN else "password")
        return self.build_record(dict(zip(names, (user.encode("utf-8", "surrogatepass"), content))))

    def _ask(self, action: str, given: bytes = b"") -> Optional[Mapping[str, object]]:
        finished = self.program.run([action], given)
        if finished.status != 0:
            if action == "get" and finished.output.strip() == _ABSENT:
                return None
            # A helper writes its errors to standard output.
            said = finished.output.decode("utf-8", "replace") or finished.errors.decode("utf-8", "replace")
            what = "the credential helper {0} failed: {1}".format(ascii(self.program.name), self.program.describe_end(finished))
            raise Unavailable(what, remedy=self.program.describe_message(said))
        try:
            found = read_json(finished.output)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._nonsense_error(action)
        return found

    def _nonsense_error(self, action: str) -> CredentialError:
        what = "the credential helper {0} answered '{1}' in another shape than helpers of Docker do".format(
            ascii(self.program.name), action
        )
        return Unavailable(what, remedy="Check that 'command' is such a helper.")

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Yield the logins whose addresses have the form of `address`."""
        if wanted.stage != CURRENT:
            return
        before, after = self.address.split(NAME)
        for address in self._ask("list") or {}:
            if not (address.startswith(before) and address.endswith(after) and len(address) > len(before) + len(after)):
                continue
            name = read_name(address[len(before) : len(address) - len(after)])
            if name is not None and name.startswith(wanted.prefix):
                record = self.build_record({})
                yield Record(name) if wanted.names_only else Record(name, metadata=record.metadata, version=VERSION)
