# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other collections add: found by a full name (namespace.collection.name), loaded on the controller alone."""

from __future__ import annotations

import importlib
import sys

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

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
