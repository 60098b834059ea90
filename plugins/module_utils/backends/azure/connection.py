# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to a vault: every request to one uses `Connection` (A6)."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.errors import Answer, Asked
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.server import check_options
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.network.process_client import ProcessClient


class Connection:
    """Requests about the secrets of one vault. Threads may share it. Opens nothing until the first request."""

    def __init__(self, settings: Mapping[str, Any], version: str, *, store: str, warn: Callable[[str], object]) -> None:
        """Check the options (`options.VAULT`; others are ignored). Uses no network.

        Args:
            settings: the options' values.
            version: of the REST interface.
            store: the user's name for the store, which errors show.
            warn: the function for warnings.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        self.address = check_options(settings)
        self._settings = settings
        self._version = version
        self._store = store
        self._warn = warn
        self._client = ProcessClient(self._log_in)

    @repeat_in_listings
    def request(
        self,
        permission: str,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        *,
        secret: str = "",
        query: Optional[Mapping[str, str]] = None,
    ) -> Answer:
        """Send one request.

        Args:
            permission: the permission of Key Vault that it needs: get, list, set, update, delete, recover or purge.
            method: of HTTP.
            path: from the root, or the whole address of a further page.
            body: the JSON to send.
            secret: the name of the secret, for errors.
            query: parameters.

        Returns:
            The response: a status of 2xx; 404 for a secret that does not exist; 409 for a write; 403 for a disabled secret.

        Raises:
            AccessDenied: the error names the permission, the secret, and the role or the access policy.
            LoginFailed: the login is wrong, or has ended.
            Unavailable, Timeout: transient. `outcome_unknown` says whether a write may have happened.
            StorageError, InvalidInput: any other failure.
            MissingLibrary: the SDK is not installed.
        """
        asked = Asked(permission, self.address.host, secret)
        parameters = query or {}
        try:
            client = self._client.get()
            answer = client.send(asked, method, path, body, parameters)
            if answer.status == 401:
                answer = self._client.renew(client).send(asked, method, path, body, parameters)
            return self._check_answer(asked, answer)
        except CredentialError as problem:
            if isinstance(problem, LoginFailed):
                self.close()  # The next request reads the login again.
            raise problem.within(store=self._store) from None

    def _check_answer(self, asked: Asked, answer: Answer) -> Answer:
        is_expected = answer.status == 404 and asked.secret != "" and answer.codes
        is_for_callers = is_expected or answer.has_code(failures.DISABLED) or (answer.status == 409 and answer.codes and asked.writing)
        if is_for_callers or (200 <= answer.status < 300 and (answer.status == 204 or answer.body)):
            return answer
        raise failures.no_vault(asked.vault) if answer.status < 400 else failures.failure(asked, answer)

    def prepare(self) -> None:
        """Load the libraries that requests need.

        Raises:
            MissingLibrary: the SDK is not installed.
        """
        from ansible_collections.nebula.credential.plugins.module_utils.backends.azure import client  # noqa: F401  # loaded is all it has to be
        from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.login import check_installed

        check_installed()

    def _log_in(self) -> Any:
        # Imported here: the SDK takes a third of a second, which an unused store should not cost.
        from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.client import Client

        return Client(self._settings, self.address, self._version, self._warn)

    def close(self) -> None:
        """Close the connections. May be called twice; another request opens new ones."""
        self._client.close()
