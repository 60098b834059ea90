# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the address of the vault and the options of the login. Uses no network."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, NoReturn, Optional
from urllib.parse import urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.options import LOGIN, LOGIN_OPTIONS, METHODS
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_login, is_given
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.logins.entra import CHINA, GLOBAL, GOVERNMENT, PUBLIC_AUTHORITIES
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import (
    host_and_port,
    is_encoded,
    private_key_path,
    readable_path,
    split_url,
)

CLOUDS: Mapping[str, str] = {
    "vault.azure.net": GLOBAL,
    "vault.azure.cn": CHINA,
    "vault.usgovcloudapi.net": GOVERNMENT,
}
"""The domain of each cloud's vaults, and the host that logs in there."""
_VERSION = re.compile(r"[0-9][0-9A-Za-z.-]{1,30}\Z")
_AUTHORITY = re.compile(r"(?:https://)?([A-Za-z0-9.:\[\]-]+?)/?\Z")


class Address(NamedTuple):
    """Where the vault is, and the host that logs in.

    Attributes:
        url: of the vault, without a slash at the end.
        host: its host and port, for messages.
        authority: the host (and port) of Microsoft Entra.
    """

    url: str
    host: str
    authority: str


def check_options(settings: Mapping[str, Any]) -> Address:
    """Check the options as far as possible without a network. Return the addresses.

    Raises:
        InvalidConfiguration: the error names the option, what is wrong and what is allowed.
    """
    url = _check_url(settings.get("vault_url"))
    _check_method(settings)
    if settings.get("ca_cert"):
        readable_path("ca_cert", settings["ca_cert"])
    version = settings.get("api_version")
    if version is not None and not _VERSION.match(version):
        _wrong("api_version", "it is not a version", "Write it as Azure does: '7.3' or '2025-07-01'.")
    parts = urlsplit(url)
    return Address(url, host_and_port(parts), _find_authority(parts.hostname or "", settings.get("authority")))


def _check_url(text: Optional[str]) -> str:
    if not text:
        _wrong("vault_url", "it is not given", "Write the address of the vault: 'https://NAME.vault.azure.net'.")
    parts = split_url(text)
    if parts is None or not parts.hostname or parts.query or parts.path.strip("/") or not is_encoded(parts) or parts.username is not None:
        _wrong("vault_url", "it is not the address of a vault", "Write it as 'https://NAME.vault.azure.net'.")
    if parts.scheme != "https":
        _wrong("vault_url", "it does not begin with https, and Key Vault speaks nothing else", "Write 'https://'.")
    return text.rstrip("/")


def _find_authority(host: str, given: Optional[str]) -> str:
    """Return the host that logs in. Refuse one of another cloud than the vault's."""
    own = next((authority for domain, authority in CLOUDS.items() if host.lower().endswith("." + domain)), None)
    if given is None:
        if own is None:
            what = "it is not given, and the vault is in no cloud whose host is known"
            _wrong("authority", what, "Write the host of Microsoft Entra of that cloud.")
        return own
    found = _AUTHORITY.match(given)
    if found is None:
        _wrong("authority", "it is not a host", "Write it as 'login.microsoftonline.com'.")
    if own is not None and found[1].lower() in PUBLIC_AUTHORITIES and found[1].lower() != own:
        _wrong("authority", "it logs in to another cloud than that of '{0}'".format(host), "Leave it out: '{0}' is used.".format(own))
    return found[1]


def _check_method(settings: Mapping[str, Any]) -> None:
    """Check that the login has all that it needs, and nothing that it does not use."""
    check_login(settings, LOGIN)
    name = settings.get("auth_method")
    if name is None:
        what = "it is not given, and no login is ever guessed"
        _wrong("auth_method", what, "Write one of: {0}.".format(", ".join(METHODS)))
    method = METHODS[name]
    for option in LOGIN_OPTIONS:
        if option in method.needed and not is_given(settings, option):
            _wrong(option, "it is not given, and 'auth_method: {0}' needs it".format(name), "Set it.")
        if option not in (*method.needed, *method.optional) and is_given(settings, option):
            _wrong(option, "'auth_method: {0}' does not use it".format(name), "Remove it, or write another 'auth_method'.")
    if settings.get("client_certificate"):
        private_key_path("client_certificate", settings["client_certificate"])
    if settings.get("federated_token_file"):
        readable_path("federated_token_file", settings["federated_token_file"])


def _wrong(option: str, what: str, remedy: str) -> NoReturn:
    raise InvalidConfiguration(what, option=option, remedy=remedy)
