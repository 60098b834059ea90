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
    """What the driver calls on the task's host. `host` is only passed on by drivers of several hosts."""

    def run_module(self, name: str, arguments: Mapping[str, Any], limit: float, host: str = "") -> Mapping[str, Any]:
        """Return the result of a module by its full name."""
        namespace, collection, module = name.split(".")
        loaded = importlib.import_module("ansible_collections.{}.{}.plugins.modules.{}".format(namespace, collection, module))
        written = io.StringIO()
        with patch_module_args(dict(arguments)), contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
            loaded.main()
        result: Mapping[str, Any] = json.loads(written.getvalue())
        return result

    def run_program(self, argv: Sequence[str], stdin: bytes, limit: float, host: str = "") -> Optional[int]:
        """Return the exit status of a program."""
        ended = subprocess.run(list(argv), input=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return ended.returncode
