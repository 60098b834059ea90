# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS (A5): credentials in the service that `service` names."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws import parameter_store, secrets_manager
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.options import (
    OF_SERVICE,
    PARAMETER_STORE,
    SECRETS_MANAGER,
    TRAITS,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration


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
        service = options.get("service") or SECRETS_MANAGER
        _refuse_others(options, service)
        if service == PARAMETER_STORE:
            return parameter_store.ParameterStore(options, context)
        return secrets_manager.SecretsManager(options, context)


def _refuse_others(options: Mapping[str, Any], service: str) -> None:
    """Refuse an option of another service. One with its default is taken as not written."""
    for spec in OF_SERVICE.values():
        for option, declared in spec.items():
            is_written = options.get(option) not in (None, declared.get("default"))
            if is_written and option not in OF_SERVICE[service]:
                raise InvalidConfiguration("'service: {0}' has no such option".format(service), option=option, remedy="Remove it.")
