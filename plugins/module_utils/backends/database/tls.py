# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The security of the connection to a database: verified TLS, unless the options say otherwise (E6)."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.url import SQLITE, Address
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file

VERIFIED, UNVERIFIED, LOCAL, PLAIN = "verified", "unverified", "local", "plain"


@dataclass(frozen=True)
class Transport:
    """The requirements of a connection. `LOCAL` uses TLS, unverified, if the server offers it: nothing leaves this machine."""

    mode: str
    ca: Optional[str] = None
    cert: Optional[str] = None
    key: Optional[str] = None

    @property
    def demands_tls(self) -> bool:
        """Whether a server without TLS is refused."""
        return self.mode in {VERIFIED, UNVERIFIED}

    def context(self) -> ssl.SSLContext:
        """Return an `ssl.SSLContext` for TLS 1.2 or later.

        Raises:
            StorageError: a file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.mode != VERIFIED:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if self.cert:
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ValueError):  # an SSLError is an OSError
            raise unusable() from None
        return context

    def authorities(self) -> Optional[str]:
        """Return the file of trusted authorities: the configured one, else this machine's; None if there is none."""
        paths = ssl.get_default_verify_paths()
        candidates = (self.ca, paths.cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
        return next((path for path in candidates if path and (path == self.ca or os.path.exists(path))), None)


def unusable() -> StorageError:
    """Return the error for a failed TLS setup. It is permanent, since retrying does not help."""
    return StorageError(
        "TLS with the database cannot be set up: its certificate is not trusted, is for another name, or it offers no TLS",
        remedy="Name the authority that signed it in 'tls_ca', and in 'url' the host as the certificate has it.",
    )


def transport(address: Address, settings: Mapping[str, Any], warn: Callable[[str], object]) -> Transport:
    """Return the transport for an address and the store's options.

    Raises:
        InvalidConfiguration: a file is missing, or two options contradict each other.
        InsecurePermissions: others can read the private key.
    """
    ca, cert, key = (_file(settings, option) for option in ("tls_ca", "tls_cert", "tls_key"))
    if address.dialect == SQLITE and (ca or cert or key):
        raise InvalidConfiguration("SQLite uses no network", option="tls_ca", remedy="Leave the TLS options out.")
    if key and not cert:
        raise InvalidConfiguration("it needs a certificate as well", option="tls_key", remedy="Set 'tls_cert'.")
    if key or cert:
        check_private_file(key or cert or "", "the private key", warn)
    return Transport(_mode(address, settings, ca, warn), ca, cert, key)


def _mode(address: Address, settings: Mapping[str, Any], ca: Optional[str], warn: Callable[[str], object]) -> str:
    insecure = bool(settings.get("allow_insecure_transport"))
    if insecure and ca:
        raise InvalidConfiguration("it contradicts 'tls_ca'", option="allow_insecure_transport", remedy="Leave one of them out.")
    if settings.get("verify") is False and not address.is_local:
        warn("The certificate of {0} is not verified ('verify: false'): others on the network can read everything.".format(address.redact))
        return UNVERIFIED
    if ca:
        return VERIFIED
    if address.is_local:
        return LOCAL
    return PLAIN if insecure else VERIFIED


def _file(settings: Mapping[str, Any], option: str) -> Optional[str]:
    value = settings.get(option)
    if value is None:
        return None
    path = os.path.abspath(expand_home(str(value), option))
    if not os.path.isfile(path):
        raise InvalidConfiguration("there is no file {0}".format(path), option=option, remedy="Name a PEM file.")
    return path
