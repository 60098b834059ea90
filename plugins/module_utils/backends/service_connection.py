# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a service that is only read, through its SDK, with one secret as the login."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, Mapping, TypeVar
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_login, is_given, read_login
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_answers import Service
from ansible_collections.nebula.credential.plugins.module_utils.context.bounded_call import call_in_time
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.network.process_client import ProcessClient
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import host_and_port, readable_path

CA_CERT = "ca_cert"
Answer = TypeVar("Answer")


class ServiceConnection(ABC):
    """Requests of one store. Threads may share it. Opens nothing until the first request."""

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], object], service: Service, missing: str, variable: str) -> None:
        """Check the login and the trusted authority. Uses no network.

        Args:
            settings: the options of the store.
            warn: the function for warnings.
            service: the service.
            missing: what is wrong without a login.
            variable: the environment variable that stands for the login.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        self._settings, self._warn, self._service = settings, warn, service
        check_login(settings, (service.login,))
        if not is_given(settings, service.login):
            remedy = "Give it in '{0}_file' or '{0}_env', or set {1}.".format(service.login, variable)
            raise InvalidConfiguration(missing, option=service.login, remedy=remedy)
        if settings.get(CA_CERT):
            readable_path(CA_CERT, settings[CA_CERT])
        self._client = ProcessClient(self._open)

    @abstractmethod
    def prepare(self) -> None:
        """Load the SDK.

        Raises:
            MissingLibrary: it is not installed.
        """

    @abstractmethod
    def _open(self) -> Any:
        """Return a client of the SDK with the login as it is now."""

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._service.address

    def _read_secret(self) -> str:
        """Return the secret of the login as it is now."""
        secret = read_login(self._settings, self._service.login, self._warn)
        return secret.expose().decode("utf-8").strip() if secret else ""

    @repeat_in_listings
    def _call(self, request: Callable[[Any], Answer]) -> Answer:
        """Make a request. After a refused login it is read anew, and the request repeated once: a file may have been renewed."""
        client = self._client.get()
        server = host_and_port(urlsplit(self.address))
        try:
            return call_in_time(lambda: request(client), server)
        except LoginFailed:
            renewed = self._client.renew(client)
            return call_in_time(lambda: request(renewed), server)

    def close(self) -> None:
        """Close what is open, and forget the login. May be called twice; another request logs in anew."""
        self._client.close()
