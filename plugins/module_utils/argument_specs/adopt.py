# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nebula.credential.adopt` accepts."""

from __future__ import annotations

import os
from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import TARGET, Specification, store_options
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

ANSIBLE_VAULT = "ansible_vault"
"""What Ansible encrypts. The controller reads it, because it has the passwords of the run."""
ENVIRONMENT = "environment"
FORMATS = (
    *(ANSIBLE_VAULT, "aws_credentials", "bitwarden", "docker_config", "dotenv", ENVIRONMENT, "gopass", "ini", "json", "keepass"),
    *("kubernetes", "lastpass", "netrc", "onepassword", "pass", "pgpass", "sops", "terraform_state"),
)
"""What can be adopted. All but the first are in `adoption.registry`."""
KEEP, REPLACE = "keep", "replace"
PRESENT, RESTORED = "present", "restored"
FAIL, SKIP, UPDATE = "fail", "skip", "update"
ON_CONFLICT = (FAIL, SKIP, UPDATE)
BY_KEY, BY_PLACE = "key", "place"
ORIGINALS = "adopted/originals"


def _check(parameters: Mapping[str, Any]) -> None:
    """Check what the relations of the options cannot say.

    Raises:
        InvalidInput: a path is missing or has no meaning, or files would be changed that no rewriting exists for.
    """
    origin = parameters.get("from")
    if parameters.get("run_on") == TARGET:
        raise InvalidInput("the files are read on the controller", option="run_on", remedy="Leave it out.")
    if origin == ENVIRONMENT and parameters.get("path") is not None:
        raise InvalidInput("the environment has none", option="path", remedy="Leave it out.")
    if origin == ENVIRONMENT and not parameters.get("only"):
        raise InvalidInput("it is not said which variables are secrets", option="only", remedy="Name them; 'APP_*' names several.")
    if origin != ENVIRONMENT and parameters.get("path") is None:
        raise InvalidInput("it is missing", option="path", remedy="Name the file or the directory.")
    if origin != ENVIRONMENT and not _is_path(parameters["path"]):
        raise InvalidInput("it holds what no name of a file has", option="path", remedy="Check the path.")
    for option, usual in (("after", KEEP), ("state", PRESENT), ("name_from", BY_KEY)):
        if parameters.get(option) not in (None, usual) and origin != ANSIBLE_VAULT:
            remedy = "Leave it out, or write 'from: {0}'.".format(ANSIBLE_VAULT)
            raise InvalidInput("only what Ansible encrypts has that", option=option, remedy=remedy)


def _is_path(text: str) -> bool:
    """Return False for a zero byte, and for half of a surrogate pair: the system takes neither."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


ADOPT = Specification(
    argument_spec=dict(
        store_options(),
        **{"from": {"type": "str", "required": True, "choices": list(FORMATS)}},
        path={"type": "path"},
        options={"type": "dict", "no_log": True, "default": {}},
        only={"type": "list", "elements": "str"},
        prefix={"type": "str"},
        names={"type": "dict"},
        name_from={"type": "str", "choices": [BY_KEY, BY_PLACE], "default": BY_KEY},
        detect_types={"type": "bool", "default": True},
        on_conflict={"type": "str", "choices": list(ON_CONFLICT), "default": FAIL},
        after={"type": "str", "choices": [KEEP, REPLACE], "default": KEEP},
        originals={"type": "str", "default": ORIGINALS},
        keep_comments={"type": "bool", "default": False},
        state={"type": "str", "choices": [PRESENT, RESTORED], "default": PRESENT},
        report={"type": "path"},
    ),
    check=_check,
)
