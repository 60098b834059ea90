# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option `shared_cache` of a store: which Redis or Valkey, how to reach it, and which key seals what is kept there (F1)."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import add_sources
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.locks import redis_server

OPTION = "shared_cache"
LOGIN = redis_server.LOGIN
ALIASES = redis_server.ALIASES
"""Other names of the options."""
_OWN: Mapping[str, Mapping[str, Any]] = {
    **redis_server.SERVER,
    "prefix": {"description": "Begins the names of all keys.", "type": "str", "default": "nebula"},
    "ttl": {"description": "Seconds for which a value is kept.", "type": "float", "default": 300.0},
    # Not no_log, like the key sources of a store: the edge masks what is secret in it.
    "key_sources": {
        "description": "What opens the key of the cache, for a store whose values the collection does not encrypt.",
        "type": "list",
        "elements": "dict",
        "no_log": False,
    },
}
OPTIONS = add_sources(_OWN, LOGIN)
"""As an argument spec. `ttl` is in seconds."""
_LEAST, _MOST = 1.0, 86400.0


def address_of(options: Mapping[str, Any], warn: Callable[[str], object]) -> redis_server.Address:
    """Read `OPTIONS`, validated, and the login.

    Raises:
        InvalidConfiguration: an option is wrong. The message does not quote the URL, since it may hold a password.
        InsecurePermissions, StorageError: a file of the login cannot be used.
    """
    try:
        if not _LEAST <= options["ttl"] <= _MOST:
            remedy = "Use {0:g} to {1:g}.".format(_LEAST, _MOST)
            raise InvalidConfiguration("the value is out of range", option="ttl", remedy=remedy)
        return redis_server.read_address(options, warn)
    except InvalidConfiguration as problem:
        problem.option = "{0}.{1}".format(OPTION, problem.option)
        raise problem from None
