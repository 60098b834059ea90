# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a configuration file cannot be loaded, without a word of its content: a parser's message quotes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.parsing.vault import AnsibleVaultError

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration


def describe_load_error(path: str, error: BaseException, option: str) -> InvalidConfiguration:
    """Return the error for a file that Ansible's loader cannot read: its line and column if it is not valid YAML."""
    chain = list(_walk(error))
    for cause in chain:
        place = _find_place(cause)
        if place is not None:
            what = "{0} is not valid YAML at line {1}, column {2}".format(path, *place)
            return InvalidConfiguration(what, option=option, remedy="Correct it there, or on the line before.")
    if any(isinstance(cause, AnsibleVaultError) for cause in chain):
        what = "{0} is encrypted, and no vault password of this run opens it".format(path)
        return InvalidConfiguration(what, option=option, remedy="Give the run the password: --vault-password-file or --vault-id.")
    what = "{0} cannot be read ({1})".format(path, type(error).__name__)
    return InvalidConfiguration(what, option=option, remedy="Check with 'ls -l' that this user may read it, and that it is YAML in UTF-8.")


def _walk(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__ or getattr(error, "orig_exc", None)


def _find_place(error: BaseException) -> tuple[int, int] | None:
    """Return line and column, from 1, of an error of PyYAML; of ansible-core's own error if it does not chain that."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return mark.line + 1, mark.column + 1
    origin = getattr(error, "obj", None)
    line, column = getattr(origin, "line_num", None), getattr(origin, "col_num", None)
    return (line, column or 1) if isinstance(line, int) else None


def empty_file_error(path: str, file: str) -> InvalidConfiguration:
    """Return the error for what a command that failed leaves: without settings new passwords would go to the store `local`."""
    remedy = "Write it again: the command that made it may have failed. A file without settings is '{}'."
    return InvalidConfiguration("{0} holds no settings, it is empty".format(path), option=file, remedy=remedy)


def empty_key_error(path: str, content: Mapping[str, Any]) -> InvalidConfiguration:
    """Return the error for the first key of a configuration file that has no value."""
    key = next(key for key in content if content[key] is None)
    return InvalidConfiguration("'{0}' in {1} has no value".format(key, path), option=key, remedy="Give it one, or remove the line.")
