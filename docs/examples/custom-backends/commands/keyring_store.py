# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A keyring of the system (Secret Service, KWallet, macOS Keychain, or a file) by the Python package `keyring`: one item for each object.

`options: {service: …}`, by default `nebula`. An item that `keyring set nebula db_pass` wrote is the field `password`. An item of the
collection is JSON. Keyrings list nothing, so the item `.nebula/index` has the paths. Secret Service needs
`environment: [DBUS_SESSION_BUS_ADDRESS]`; another keyring is named by `environment: [PYTHON_KEYRING_BACKEND]`.
"""

from __future__ import annotations

import json
from typing import List, Optional

import keyring
import keyring.errors
from nebula_command import Parts, Place, Refused, serve

INDEX = ".nebula/index"
MARK = '{"nebula": '


class Keyring(Place):
    """One item per object."""

    @property
    def service(self) -> str:
        """The service that the items belong to."""
        return str(self.options.get("service") or "nebula")

    @property
    def location(self) -> str:
        return "keyring {0} {1}".format(keyring.get_keyring().name, self.service)

    def read(self, path: str) -> Optional[Parts]:
        text = self._get(path)
        if text is None:
            return None
        return dict(json.loads(text)["nebula"]) if text.startswith(MARK) else {"fields": {"password": text}}

    def write(self, path: str, parts: Parts) -> None:
        # The index first: a path without an item is left out of a listing, an item without a path could not be found.
        self._index({*self._indexed(), path})
        self._set(path, json.dumps({"nebula": parts}))

    def remove(self, path: str) -> None:
        try:
            keyring.delete_password(self.service, path)
        except keyring.errors.KeyringError:
            raise Refused("unavailable", "the keyring does not remove the item") from None
        self._index(set(self._indexed()) - {path})

    def paths(self) -> List[str]:
        return [path for path in self._indexed() if self._get(path) is not None]

    def _indexed(self) -> List[str]:
        return list(json.loads(self._get(INDEX) or "[]"))

    def _index(self, paths: set[str]) -> None:
        if sorted(paths) != self._indexed():
            self._set(INDEX, json.dumps(sorted(paths)))

    def _get(self, path: str) -> Optional[str]:
        try:
            return keyring.get_password(self.service, path)
        except keyring.errors.KeyringLocked:
            raise Refused("interaction_required", "the keyring is locked") from None
        except keyring.errors.KeyringError:
            raise Refused("unavailable", "the keyring cannot be read") from None

    def _set(self, path: str, text: str) -> None:
        try:
            keyring.set_password(self.service, path, text)
        except keyring.errors.KeyringLocked:
            raise Refused("interaction_required", "the keyring is locked") from None
        except keyring.errors.KeyringError:
            raise Refused("unavailable", "the keyring cannot be written") from None


if __name__ == "__main__":
    serve(Keyring)
