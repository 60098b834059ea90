# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A project whose credentials are due, and doors (files) that take their values, for `ansible-playbook nebula.credential.rotate`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

DAILY = {"kind": "periodic", "every": 86400}
SET = 'printf %s "$NEBULA_VALUE" >{0}/$NEBULA_FIELD_USERNAME'
TRY = '[ "$(cat {0}/$NEBULA_FIELD_USERNAME)" = "$NEBULA_VALUE" ] || exit 77'
APPLY = "while [ -e {0}.hold ]; do touch {0}.held; sleep 0.1; done; cat >{0}"
VERIFY = "cmp -s - {0} || exit 77"


class Night:
    """A project with a local store, credentials that have been due for a day, and doors (files) that take their values."""

    def __init__(self, project: Any) -> None:
        self.project = project
        self.targets: dict[str, Any] = {}

    def add(self, name: str, target: str | None = None, *, age: int = 2, **wanted: Any) -> None:
        """Store a credential whose value is so many days old. Its policy is daily."""
        store = open_store({"backend": "local"})
        made = datetime.now(timezone.utc) - timedelta(days=age)
        assigned = {"rotation": {"target": target}} if target else {}
        given = {"value": Secret("old " + name), "policy": DAILY, **assigned, **wanted}
        CredentialManager(store.backend, clock=lambda: made).create(DesiredCredential(name, **given))
        store.close()

    def add_door(self, name: str, apply: str = APPLY) -> Path:
        """Store a credential and open its door with it. The target has the door's name."""
        door = self.project.directory / (name + ".door")
        door.write_text("old " + name + "\n")
        self.targets[name] = {
            "kind": "command",
            "apply": ["/bin/sh", "-c", apply.format(door)],
            "verify": ["/bin/sh", "-c", VERIFY.format(door)],
        }
        self.add(name, name)
        return Path(door)

    def add_many(self, number: int, targets: int, configuration: dict[str, Any], broken: int = 0) -> list[str]:
        """Store so many due credentials, and share them out among targets, the first of which refuse every new value."""
        doors = self.project.directory / "doors"
        doors.mkdir()
        store = open_store(configuration)
        made = datetime.now(timezone.utc) - timedelta(days=2)
        manager = CredentialManager(store.backend, clock=lambda: made)
        names = ["c{0:04}".format(each) for each in range(number)]
        for each, name in enumerate(names):
            (doors / name).write_text("old " + name)
            given = {"type": "basic", "fields": {"username": Secret(name)}, "value": Secret("old " + name), "policy": DAILY}
            manager.create(DesiredCredential(name, rotation={"target": "t{0:03}".format(each % targets)}, **given))
        store.close()
        for each in range(targets):
            apply = "exit 77" if each < broken else SET.format(doors)
            self.targets["t{0:03}".format(each)] = {
                "kind": "command",
                "apply": ["/bin/sh", "-c", apply],
                "verify": ["/bin/sh", "-c", TRY.format(doors)],
                "secret_in": "environment",
            }
        return names

    def run(self, *arguments: str, **variables: Any) -> Any:
        return self.project.run(*self.command(*arguments, **variables))

    def command(self, *arguments: str, **variables: Any) -> list[str]:
        self.project.write("ansible.cfg", "[defaults]\n")
        self.project.write("nebula.yml", json.dumps({"targets": self.targets}))
        more = ["-e", "@" + str(self.project.write("more.json", json.dumps(variables)))] if variables else []
        return ["ansible-playbook", "nebula.credential.rotate", *more, *arguments]

    def versions(self) -> dict[str, str]:
        store = open_store({"backend": "local"})
        found = {row.name: str(store.inspect(row.name).version) for row in store.list()}
        store.close()
        return found

    def value(self, name: str) -> str:
        store = open_store({"backend": "local"})
        found = store.get(name).token().expose().decode()
        store.close()
        return found
