# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS (A5): credentials in the service that `service` names."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws import secrets_manager
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext


class Aws(secrets_manager.SecretsManager):
    """The registry's class for all services, described as the default one.

    Its constructor returns the backend of the configured service, never an instance of this class.
    """

    options = TRAITS.spec

    def __new__(cls, options: Mapping[str, Any], context: BackendContext) -> Backend:  # type: ignore[misc]  # another class, on purpose
        """Return the backend of the configured service. Opens nothing.

        Raises:
            InvalidConfiguration: an option is wrong.
        """
        return secrets_manager.SecretsManager(options, context)
