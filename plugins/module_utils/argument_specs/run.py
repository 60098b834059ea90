# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.run` accepts."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.deploy import store_choice
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.encoding.file_formats import check_variable
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput


def check_command(parameters: Mapping[str, Any]) -> None:
    """Check the command.

    Raises:
        InvalidInput: it names no program, or its environment has a name that no variable can have.
    """
    if not parameters["argv"] or not parameters["argv"][0]:
        raise InvalidInput("it names no program", option="argv", remedy="Write a list: the program, then each argument.")
    if any("\0" in argument for argument in parameters["argv"]):
        raise InvalidInput("an argument has a zero byte", option="argv", remedy="Give it on standard input.")
    for name in parameters.get("env") or {}:
        check_variable(str(name), "env")


RUN = Specification(
    argument_spec=dict(
        store_choice(),
        argv={"type": "list", "elements": "str", "required": True},
        env={"type": "dict", "no_log": True},
        stdin={"type": "raw"},
        chdir={"type": "str"},
        creates={"type": "str"},
        removes={"type": "str"},
    ),
    check=check_command,
)
