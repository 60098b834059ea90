# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the command of the collection that Ansible uses here.

The wheel brings no copy of the collection along: the command then is of the same version as the plays that use the same stores.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ansible import constants

_COLLECTION = Path("ansible_collections", "nebula", "credential")
_COMMAND = Path("plugins", "plugin_utils", "command")
_MISSING = """\
The collection nebula.credential was not found. It was searched for in:
{places}
Run: ansible-galaxy collection install nebula.credential
"""
USAGE = 2


def find_collection() -> Path | None:
    """Return the directory of the collection, as Ansible finds it: in its collections path first, then where Python looks."""
    return next((place / _COLLECTION for place in _list_places() if (place / _COLLECTION / _COMMAND).is_dir()), None)


def _list_places() -> list[Path]:
    places = [Path(each) for each in (*constants.COLLECTIONS_PATHS, *(each for each in sys.path if each))]
    return [place.parent if place.name == "ansible_collections" else place for place in places]


def _prepare() -> None:
    """Make the collection's files loadable, their bytecode kept in this user's cache."""
    collection = find_collection()
    if collection is None:
        sys.stderr.write(_MISSING.format(places="\n".join("  {0}".format(place) for place in _list_places())))
        sys.exit(USAGE)
    sys.path.insert(0, str(collection.parents[2]))
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.bytecode import keep_bytecode

    keep_bytecode(str(collection))


def run_command() -> int:
    """Run `nebula-credential`."""
    _prepare()
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.main import main

    return main()


def run_vault_client() -> int:
    """Run `nebula-client`."""
    _prepare()
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.main import run_vault_client

    return run_vault_client()
