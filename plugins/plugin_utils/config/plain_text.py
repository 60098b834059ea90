# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Places whose templates Ansible does not resolve: nebula.yml, ansible.cfg and the environment. A template there would be used as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

TEMPLATE_MARKS = ("{{", "{%")
_REMEDY = (
    "Define the store in the variable 'nebula_credential_stores', where templates are resolved; or give a part of a login as "
    "'<option>_file' or '<option>_env', also if its value itself contains '{0}'."
)


def refuse_templates(value: Any, place: str, option: str, store: str | None = None) -> None:
    """Check that a value holds no template.

    Args:
        value: text, or a mapping or list that holds texts at any depth.
        place: the file or variable it was read from.
        option: the option whose value it is; empty for a whole store.
        store: the store, if it is a part of one.

    Raises:
        InvalidConfiguration: it holds one. The message names the part, and shows nothing of its value.
    """
    found = _find_template(value, option)
    if found is not None:
        part, mark = found
        what = "its value contains '{0}', and templates are not resolved in {1}".format(mark, place)
        raise InvalidConfiguration(what, option=part or None, store=store, remedy=_REMEDY.format(mark))


def _find_template(value: Any, option: str) -> tuple[str, str] | None:
    """Return the first option with a template in its value, and the template's first characters; None if there is none."""
    if isinstance(value, str):
        mark = next((mark for mark in TEMPLATE_MARKS if mark in value), None)
        return None if mark is None else (option, mark)
    parts = value.items() if isinstance(value, Mapping) else ((None, part) for part in value) if isinstance(value, list) else ()
    for name, part in parts:
        found = _find_template(part, option if name is None else "{0}.{1}".format(option, name).lstrip("."))
        if found is not None:
            return found
    return None
