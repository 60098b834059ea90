# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key of a service account of Google as a field of a credential, and the tokens that are made with it, by google-auth."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, Package, StorageError, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.network.tokens import is_token
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field
from ansible_collections.nebula.credential.plugins.module_utils.types.service_address import REQUESTS, check_address

PACKAGES = (Package("google-auth >= 2.40", "google.auth"), REQUESTS)
KEY = Field("service_account_key", secret=True, description="The key of a service account, as the JSON text that Google gave.")
PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
_PARTS = ("client_email", "private_key", "token_uri")


class Token(NamedTuple):
    """A token, and its end (aware, UTC)."""

    text: str
    ends_at: datetime


def read_key(kind: CredentialType, text: str) -> Dict[str, Any]:
    """Return the parts of a key.

    Raises:
        InvalidInput: it is no key of a service account, or its tokens would come over plain HTTP.
    """
    try:
        found = read_json(text)
    except ValueError:
        found = None
    is_key = isinstance(found, dict) and found.get("type") == "service_account" and all(isinstance(found.get(part), str) for part in _PARTS)
    if not isinstance(found, dict) or not is_key:
        kind.refuse(KEY.name, "is no key of a service account", "Give the JSON text that Google gave, unchanged.")
    check_address(kind, KEY.name, found["token_uri"])
    return found


def check_key(kind: CredentialType, text: str) -> None:
    """Check that a key can sign.

    Raises:
        InvalidInput: it is no key of a service account, or its private key cannot be read.
        MissingLibrary: a package is not installed.
    """
    found = read_key(kind, text)
    check_packages(PACKAGES)
    try:
        _load(found, [])
    except (ValueError, TypeError):
        kind.refuse(KEY.name, "has a private key that cannot be read", "Give the JSON text that Google gave, unchanged.")


def _load(found: Mapping[str, Any], scopes: List[str]) -> Any:
    from google.oauth2 import service_account

    loader: Any = service_account.Credentials
    return loader.from_service_account_info(found, scopes=scopes)


def request_token(kind: CredentialType, texts: Mapping[str, str], scopes: List[str]) -> Token:
    """Get a token of Google for scopes. One request.

    Raises:
        LoginFailed: Google gives this account none.
        Unavailable, Timeout, StorageError: there was no response, or none of Google.
        MissingLibrary: a package is not installed.
    """
    check_packages(PACKAGES)
    from google.auth.exceptions import GoogleAuthError

    from ansible_collections.nebula.credential.plugins.module_utils.logins.google import Requests
    from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

    requests = Requests(Tls(ca_data=texts.get("ca_cert")))
    try:
        credentials = _load(read_key(kind, texts[KEY.name]), scopes)
        credentials.refresh(requests)
        if not is_token(credentials.token):
            raise ValueError
        return Token(credentials.token, credentials.expiry.replace(tzinfo=timezone.utc))
    except GoogleAuthError:
        remedy = "Check that the account and its key are enabled, and the clock of this machine."
        raise LoginFailed("Google gives this service account no token", remedy=remedy) from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise StorageError("the response to the key is not one of Google", remedy="Check the 'token_uri' of the key.") from None
    finally:
        requests.close()
