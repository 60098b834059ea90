# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the address of the API server and its TLS settings in a store's own options. Reads no kubeconfig, uses no network."""

from __future__ import annotations

import re
from typing import Any, Mapping, NoReturn

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_encoded, is_loopback, readable_path, split_url

_OF_HOST = ("api_key", "api_key_file", "api_key_env", "client_cert", "client_key")
_FILES = ("kubeconfig", "ca_cert", "client_cert", "client_key")
_ACCOUNT = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?/)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\Z")
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def check_options(settings: Mapping[str, Any]) -> None:
    """Check the options as far as possible without a network.

    Raises:
        InvalidConfiguration: the error names the option, what is wrong and what is allowed.
    """
    host = settings.get("host")
    if host is not None:
        check_url(host, "host", insecure=bool(settings.get("allow_insecure_transport")))
        for option in ("kubeconfig", "context"):
            if settings.get(option):
                _wrong(option, "'host' is given too", "Give 'host' with 'api_key' or 'client_cert', or a kubeconfig.")
    for option in _OF_HOST:
        if settings.get(option) and host is None:
            _wrong(option, "it is given without 'host'", "Set 'host' too; a kubeconfig and a pod have their own login.")
    if settings.get("client_key") and not settings.get("client_cert"):
        _wrong("client_key", "it is given without 'client_cert'", "Give both.")
    for option in _FILES:
        if settings.get(option):
            readable_path(option, settings[option])
    _check_names(settings)


def _check_names(settings: Mapping[str, Any]) -> None:
    account = settings.get("service_account")
    if account is not None and not _ACCOUNT.match(account):
        _wrong("service_account", "it is not the name of a service account", "Write 'name', or 'namespace/name'.")
    if settings.get("namespace") is not None and not _NAMESPACE.match(settings["namespace"]):
        _wrong("namespace", "it is not the name of a namespace", "Use lower case letters, digits and '-', 63 characters at most.")


def check_url(text: str, option: str, *, insecure: bool, local: bool = True) -> None:
    """Check the address of a server: https, or http to this machine, unless plain HTTP is allowed explicitly.

    Args:
        text: the address.
        option: the option that it comes from.
        insecure: plain HTTP to another machine is allowed.
        local: `localhost` is this machine.

    Raises:
        InvalidConfiguration: it is not allowed, or holds a login.
    """
    parts = split_url(text)
    if parts is not None and parts.username is not None:
        _wrong(option, "it holds a login", "Remove it; set 'api_key' or 'client_cert'.")
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname or parts.query or not is_encoded(parts):
        _wrong(option, "it is not the address of a server", "Write it as 'https://kubernetes.example.com:6443'.")
    if parts.scheme == "http" and not insecure and not (local and is_loopback(parts.hostname)):
        _wrong(
            option,
            "plain HTTP would show the token and every secret to the network",
            "Use https, or write 'allow_insecure_transport: true'.",
        )


def _wrong(option: str, what: str, remedy: str) -> NoReturn:
    raise InvalidConfiguration(what, option=option, remedy=remedy)
