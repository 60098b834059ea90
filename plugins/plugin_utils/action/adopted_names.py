# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the entries that were found are adopted, the name that each gets in the store, and the options of their format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.adoption.entry import write_entry
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import NAMED
from ansible_collections.nebula.credential.plugins.plugin_utils.config.validation import validate
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import UserMessage

Warn = Callable[[str], object]


def choose_entries(found: Iterable[Found], parameters: Mapping[str, Any], may_be_missing: Warn | None = None) -> list[dict[str, Any]]:
    """Return the entries that the options `only`, `names` and `prefix` choose, as the operation takes them.

    Args:
        found: what was found.
        parameters: those of the module.
        may_be_missing: warns of names that are not there; None if that is an error.

    Raises:
        InvalidInput: `only` or `names` has a name that is not there.
    """
    patterns, names = parameters.get("only"), parameters.get("names") or {}
    entries = [one for one in found if is_chosen(one.name, parameters)]
    keys = {one.name for one in entries}
    _check("only", [pattern for pattern in patterns or () if not any(fnmatchcase(key, pattern) for key in keys)], may_be_missing)
    _check("names", [name for name in names if name not in keys], may_be_missing)
    return [write_entry(one, name_entry(one.name, parameters)) for one in entries]


def read_options(given: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], origin: str) -> dict[str, Any]:
    """Return the options of a format, checked and completed by defaults. An error says that it is about one of them.

    Raises:
        InvalidInput: the format does not have one, or its check fails.
        UserMessage: one is not of its type.
    """
    unknown = [name for name in given if name not in known]
    if unknown:
        takes = "It takes: {0}.".format(", ".join(sorted(known))) if known else "It takes none: leave 'options' out."
        raise InvalidInput("'from: {0}' has no option {1}".format(origin, ascii(unknown[0])), option="options", remedy=takes)
    try:
        return validate(given, Specification(known))
    except UserMessage as error:
        raise UserMessage("option 'options': {0}".format(error)) from None
    except InvalidInput as error:
        error.option = "options.{0}".format(error.option) if error.option else "options"
        raise


def is_chosen(key: str, parameters: Mapping[str, Any]) -> bool:
    """Return True if the option `only` chooses a key, or is not given."""
    patterns = parameters.get("only")
    return patterns is None or any(fnmatchcase(key, pattern) for pattern in patterns)


def name_entry(key: str, parameters: Mapping[str, Any]) -> str:
    """Return the name that a key gets in the store."""
    named = (parameters.get("names") or {}).get(key)
    return (parameters.get("prefix") or "") + key if named is None else str(named)


def _check(option: str, missing: Sequence[str], warn: Warn | None) -> None:
    if not missing:
        return
    shown = ", ".join(ascii(name) for name in missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
    if warn is None:
        raise InvalidInput("there is nothing of this name: {0}".format(shown), option=option, remedy="Check the names.")
    warn("option '{0}': there is nothing of this name: {1}. Check the names.".format(option, shown))
