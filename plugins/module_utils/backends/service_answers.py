# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of services that are only read: what they hold, and errors of the library in place of refusals (never a service's text)."""

from __future__ import annotations

import json
import ssl
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidConfiguration,
    LoginFailed,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import chain_contains, why_unreachable
from ansible_collections.nebula.credential.plugins.module_utils.network.http_failures import seconds_to_wait
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import find_address_problem


class Service(NamedTuple):
    """A service, for messages.

    Attributes:
        name: its name.
        address: where it is.
        login: the option with the secret of its login.
        right: what has to be granted to a login that is denied something.
    """

    name: str
    address: str
    login: str
    right: str


def check_address(url: str, option: str = "url") -> str:
    """Return an address without a slash at its end.

    Raises:
        InvalidConfiguration: it is not the address of a service that secrets may be sent to.
    """
    problem = find_address_problem(url)
    if problem is not None:
        # It is not shown: it may hold a login, or be one.
        raise InvalidConfiguration("it {0}".format(problem.what), option=option, remedy=problem.remedy)
    return url.rstrip("/")


def read_json(service: Service, content: bytes) -> Any:
    """Return JSON. Raises StorageError if it is something else."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise junk_error(service) from None


def read_mappings(service: Service, found: Any, *keys: str) -> List[Mapping[str, Any]]:
    """Return a list of mappings, each of which has these keys with texts. Raises StorageError if it is something else."""
    if not isinstance(found, list) or not all(isinstance(each, dict) and _has_texts(each, keys) for each in found):
        raise junk_error(service)
    return found


def _has_texts(found: Mapping[str, Any], keys: Sequence[str]) -> bool:
    return all(isinstance(found.get(key), str) for key in keys)


def junk_error(service: Service) -> StorageError:
    """Return the error for an answer that the service never gives."""
    what = "what responds at {0} is not {1}".format(service.address, service.name)
    return StorageError(what, option="url", remedy="Check the address, and proxies on the way.")


def describe_refusal(service: Service, status: int, retry_after: Optional[str] = None) -> CredentialError:
    """Return the error for a status that is none of success. What 404 means is for the caller to know."""
    if status == 401:
        remedy = "Renew '{0}' of the store, or the file or variable that holds it.".format(service.login)
        return LoginFailed("{0} does not accept the login".format(service.address), remedy=remedy)
    if status == 403:
        return AccessDenied("{0} denies it to this login".format(service.address), remedy="Grant it {0}.".format(service.right))
    if status == 429 or status >= 500:
        wait = seconds_to_wait(retry_after)
        when = "" if wait is None else ", and takes the next one in {0:.0f} s".format(wait)
        what = "{0} {1}".format(
            service.address, "limits the rate of requests" + when if status == 429 else "failed with status {0}".format(status)
        )
        error = Unavailable(what, remedy="Run it again; look at the log of {0} if it still fails.".format(service.name))
        return error.annotate(retry_after=wait, throttled=status in (429, 503))
    return junk_error(service)


def describe_unreachable(service: Service, causes: Sequence[BaseException]) -> CredentialError:
    """Return the error for a connection that failed, or ended before the response was complete."""
    if chain_contains(causes, ssl.SSLCertVerificationError):
        remedy = "Name the authority that signed it in 'ca_cert'."
        return StorageError("the certificate of {0} cannot be verified".format(service.address), option="ca_cert", remedy=remedy)
    what = "{0} cannot be reached: {1}".format(service.address, why_unreachable(causes))
    return Unavailable(what, remedy="Check the network, and 'url'.")
