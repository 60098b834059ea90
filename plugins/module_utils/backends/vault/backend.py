# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HashiCorp Vault and OpenBao (A4): credentials in a KV engine, or leased from another engine (J8), as `engine` says."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import dynamic as leased
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import kv1 as kv1_objects
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import kv2, mount, second_factor
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import kv2_encrypted as kv2_objects
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import DYNAMIC_ENGINE, TRAITS


class Vault(kv2.Kv2):
    """The registry's class for all engines, described as the default engine.

    Its constructor returns the backend of the configured engine, never an instance of this class.
    """

    options = TRAITS.spec

    def __new__(cls, options: Mapping[str, Any], context: BackendContext) -> Backend:  # type: ignore[misc]  # another class, on purpose
        """Return the backend of the configured engine. Opens nothing.

        Raises:
            InvalidConfiguration: an option is wrong.
        """
        codes = second_factor.build_code_reader(options, context)
        connection = Connection(options, store=context.store, warn=context.warn, variables=context.variables, codes=codes)
        if options.get("engine") == DYNAMIC_ENGINE:
            place = dict(options, mount=options.get("mount") or leased.MOUNT)
            return leased.LeasedSecrets(options, context, connection, mount.Location.of(place).mount)
        if options.get("kv_version") == 1:
            return kv1_objects.Kv1(options, context, connection)
        engine = kv2_objects.Kv2Envelopes if options.get("encrypt") else kv2.Kv2
        return engine(options, context, connection)
