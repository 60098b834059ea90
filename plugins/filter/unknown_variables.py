# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter `unknown_variables`. Its documentation is in unknown_variables.yml."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import find_closest


def unknown_variables(names: Iterable[str], prefix: str, known: Sequence[str]) -> list[str]:
    """Return the names, sorted, that belong to a role and that it does not have, each with the closest one that it has."""
    near = {text for name in known for text in _shorten(name)}
    unknown = {name for name in names if name not in known and (name.startswith(prefix) or near & _shorten(name))}
    return [_describe(name, known) for name in sorted(unknown)]


def _shorten(name: str) -> set[str]:
    """Return a name as it is, and without each of its letters. Names that differ by one letter have one of these texts in common."""
    return {name, *(name[:place] + name[place + 1 :] for place in range(len(name)))}


def _describe(name: str, known: Sequence[str]) -> str:
    close = find_closest(name, known)
    return "'{0}'{1}".format(name, " (did you mean '{0}'?)".format(close) if close else "")


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return them by name."""
        return {"unknown_variables": unknown_variables}
