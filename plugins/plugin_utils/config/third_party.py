# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other collections add: found by a full name (namespace.collection.name), loaded on the controller alone."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, suggest
from ansible_collections.nebula.credential.plugins.plugin_utils.config.configuration_path import EXTENSIONS, FILE_NAME

_PLACE = "ansible_collections.{0}.{1}.plugins.plugin_utils.{2}.{3}"


def import_extension(name: str, folder: str, option: str) -> object:
    """Import the file of another collection that has what `name` means.

    Args:
        name: its full name.
        folder: the folder of `plugins/plugin_utils` that such files are in.
        option: the option that names it.

    Raises:
        InvalidConfiguration: it is no full name, or cannot be imported.
    """
    parts = name.split(".")
    if len(parts) != 3 or not all(part.isidentifier() for part in parts):
        raise refusal_error("{0} is not a full name".format(ascii(name)), "Write namespace.collection.name.", option)
    place = _PLACE.format(*parts[:2], folder, parts[2])
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # as ansible-core, which keeps none of a collection
    try:
        return importlib.import_module(place)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the code of others can raise anything
        what = "{0} cannot be loaded ({1})".format(place, type(error).__name__)
        raise refusal_error(what, "Install the collection, and check that this file can be imported.", option) from None
    finally:
        sys.dont_write_bytecode = writes_none


def refusal_error(what: str, remedy: str, option: str) -> InvalidConfiguration:
    """Return the error for what cannot, or may not, be loaded."""
    return InvalidConfiguration(what, option=option, remedy=remedy)


def find_entry_points(group: str, name: str) -> list[EntryPoint]:
    """Return the entry points of installed packages with this name."""
    return list(entry_points(group=group, name=name))


def load_entry_point(name: str, found: list[EntryPoint], kind: str, option: str) -> object:
    """Import the module that an entry point names.

    Args:
        name: the name of the entry point.
        found: those that have it.
        kind: what it is, for errors: `backend`, `type`.
        option: the option that names it.

    Raises:
        InvalidConfiguration: several packages have it, or it cannot be imported.
    """
    if len({each.value for each in found}) > 1:
        packages = ", ".join(sorted(each.dist.name if each.dist else each.value for each in found))
        raise refusal_error("several packages have a {0} '{1}': {2}".format(kind, name, packages), "Uninstall all but one.", option)
    try:
        return found[0].load()
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the code of others can raise anything
        what = "the {0} '{1}' ({2}) cannot be loaded ({3})".format(kind, name, found[0].value, type(error).__name__)
        raise refusal_error(what, "Check its package with 'pip check'.", option) from None


def check_allowed(name: str, kind: str, option: str, is_of_file: bool, read_allowed: Callable[[], tuple[str, ...]]) -> None:
    """Check that a store may run a third party's code.

    Args:
        name: the name of the code.
        kind: what it is, for errors: `backend`, `type`.
        option: the option of the store that names it.
        is_of_file: whether the configuration file defines the store. Its author is trusted to run code; a variable or a task is not.
        read_allowed: returns the full names that the configuration file allows to others.

    Raises:
        InvalidConfiguration: the file neither defines the store nor allows it.
    """
    allowed = () if is_of_file else read_allowed()
    if is_of_file or name in allowed:
        return
    what = "the {0} '{1}' runs code that is not of this collection, and {2} neither defines this store nor allows it".format(
        kind, name, FILE_NAME
    )
    remedy = "{0}Define the store in {1}, or add the name to '{2}' there.".format(suggest(name, allowed), FILE_NAME, EXTENSIONS)
    raise refusal_error(what, remedy, option)
