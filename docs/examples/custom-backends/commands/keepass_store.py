# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A KeePass database (KDBX) by the Python package `pykeepass`: one entry for each object, in the groups of its path.

`options: {database: …}`, and the database's passphrase as `secret`, `secret_file` or `secret_env` of the store. A new database is made with
KeePassXC or with `pykeepass.create_database`. The user name and the password are the entry's own; other fields are its attributes.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional

from nebula_command import Parts, Place, Refused, serve, write_file
from pykeepass import PyKeePass
from pykeepass.exceptions import CredentialsError, HeaderChecksumError, PayloadChecksumError

OWN, OTHERS = "nebula", ("username", "password")
"""The attribute with what the collection adds, and the fields that an entry has anyway."""


class KeePass(Place):
    """One entry per object."""

    _opened: Optional[PyKeePass] = None

    @property
    def location(self) -> str:
        return os.path.realpath(self.need("database"))

    @property
    def lock_path(self) -> str:
        return self.location + ".nebula-lock"

    @property
    def database(self) -> PyKeePass:
        """The opened database."""
        if self._opened is None:
            try:
                self._opened = PyKeePass(self.location, password=self.secret)
            except FileNotFoundError:
                raise Refused("invalid_configuration", "there is no database {0}".format(self.location)) from None
            except CredentialsError:
                raise Refused("login_failed", "the passphrase does not open the database") from None
            except (HeaderChecksumError, PayloadChecksumError):
                raise Refused("damaged", "the database is damaged") from None
        return self._opened

    def _find(self, path: str) -> Any:
        return self.database.find_entries(path=path.split("/"))

    def read(self, path: str) -> Optional[Parts]:
        entry = self._find(path)
        return None if entry is None else parse_entry(entry)

    def write(self, path: str, parts: Parts) -> None:
        *groups, title = path.split("/")
        entry = self._find(path) or self.database.add_entry(self._make_group(groups), title, "", "")
        texts = {name: value for name, value in parts["fields"].items() if isinstance(value, str) and name != OWN and value}
        entry.username, entry.password = texts.get("username", ""), texts.get("password", "")
        for name in [name for name in entry.custom_properties if name not in texts]:
            entry.delete_custom_property(name)
        for name in [name for name in texts if name not in OTHERS]:
            entry.set_custom_property(name, texts[name], protect=True)
        more = {name: value for name, value in parts["fields"].items() if name not in texts}
        added = {"more": more, "private": parts["private"], "public": parts["public"]}
        entry.set_custom_property(OWN, json.dumps(added), protect=True)
        self._save()

    def _make_group(self, names: List[str]) -> Any:
        group = self.database.root_group
        for number, name in enumerate(names, 1):
            group = self.database.find_groups(path=names[:number]) or self.database.add_group(group, name)
        return group

    def remove(self, path: str) -> None:
        self.database.delete_entry(self._find(path))
        self._save()

    def _save(self) -> None:
        beside = self.location + ".nebula-new"
        self.database.save(beside)
        with open(beside, "rb") as file:
            content = file.read()
        os.unlink(beside)
        write_file(self.location, content)

    def paths(self) -> List[str]:
        found: Dict[str, None] = {}
        for entry in self.database.entries:
            if entry.path and all(entry.path):
                found["/".join(entry.path)] = None
        return list(found)


def parse_entry(entry: Any) -> Parts:
    """Return the object in an entry, which a person may have changed, or written."""
    texts = {"username": entry.username, "password": entry.password, **entry.custom_properties}
    text = texts.pop(OWN, None)
    fields = {name: value for name, value in texts.items() if value}
    if text is None:
        return {"fields": fields}
    added = json.loads(text)
    return {"fields": {**fields, **added["more"]}, "private": added["private"], "public": added["public"]}


if __name__ == "__main__":
    serve(KeePass)
