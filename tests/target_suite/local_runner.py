# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the modules and programs of a target on this machine: modules of collections in this process, by their own `main`."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import subprocess
from typing import Any, Mapping, Optional, Sequence

from ansible.module_utils.testing import patch_module_args


class LocalRunner:
    """What the driver calls on the task's host, and on hosts of an inventory, which are all this machine. A host may be down."""

    def __init__(self, hosts: Optional[Mapping[str, LocalRunner]] = None, connection: Optional[Mapping[str, Any]] = None) -> None:
        """Set the hosts by name, and how the controller reaches this one (`Modules.read_connection`)."""
        self.hosts = hosts or {}
        self.connection = connection or {}
        self.is_down = False

    def has(self, place: str) -> bool:
        """Return True if the inventory has a host of that name."""
        return place in self.hosts

    def at(self, place: str) -> LocalRunner:
        """Return the runner of a host of the inventory."""
        return self.hosts[place]

    def read_connection(self) -> Mapping[str, Any]:
        """Return how the controller reaches the host."""
        return self.connection

    def run_module(self, name: str, arguments: Mapping[str, Any], limit: float) -> Mapping[str, Any]:
        """Return the result of a module by its full name."""
        if self.is_down:
            return {"unreachable": True}
        namespace, collection, module = name.split(".")
        known = "ansible.modules" if (namespace, collection) == ("ansible", "builtin") else None
        package = known or "ansible_collections.{}.{}.plugins.modules".format(namespace, collection)
        loaded = importlib.import_module("{}.{}".format(package, module))
        written = io.StringIO()
        with patch_module_args(dict(arguments)), contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
            loaded.main()
        result: Mapping[str, Any] = json.loads(written.getvalue())
        return result

    def run_program(self, argv: Sequence[str], stdin: bytes, limit: float) -> Optional[int]:
        """Return the exit status of a program."""
        if self.is_down:
            return None
        ended = subprocess.run(list(argv), input=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return ended.returncode
