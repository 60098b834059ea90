# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS settings of a client: the trusted authorities, and the client's own certificate."""

from __future__ import annotations

import os
import ssl
from typing import BinaryIO, Callable, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import tls_context


class Tls(NamedTuple):
    """The trusted authorities and the client's certificate.

    Attributes:
        ca_file: a PEM file of authorities; only these are trusted.
        ca_data: authorities as PEM text. Without either, the system's authorities are trusted.
        client_cert: a PEM file of the client's own certificate.
        client_key: a PEM file of its key, not encrypted; None if it is in the same file.
        client_pem: certificate, chain and key as PEM text, instead of both files. It is in no directory at any time.
        server_name: the name in the server's certificate if it differs from the host.
        verify: False to accept any certificate.
    """

    ca_file: Optional[str] = None
    ca_data: Optional[str] = None
    client_cert: Optional[str] = None
    client_key: Optional[str] = None
    client_pem: Optional[Secret] = None
    server_name: Optional[str] = None
    verify: bool = True


def build_context(tls: Tls) -> ssl.SSLContext:
    """Return a context for TLS 1.2 or later with these settings. Reads files, uses no network.

    Raises:
        InvalidConfiguration: an authority or a certificate is invalid. Names `ca_cert` or `client_cert`.
    """
    context = tls_context()
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca_file or tls.ca_data:
        read_authorities(lambda: context.load_verify_locations(tls.ca_file, cadata=tls.ca_data))
    else:
        context.load_default_certs()
    if tls.client_cert:
        load_client_certificate(context, tls.client_cert, tls.client_key)
    if tls.client_pem:
        with _open_unnamed() as file:
            file.write(tls.client_pem.expose())
            load_client_certificate(context, "/dev/fd/{0}".format(file.fileno()), None)
    return context


def _open_unnamed() -> BinaryIO:
    """Open a file that has no name, in memory where the system can: OpenSSL reads keys from files alone."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("client certificate"), "wb", buffering=0)
    import tempfile  # imported here: only such systems need it

    return tempfile.TemporaryFile("wb", buffering=0)


def read_authorities(load: Callable[[], object]) -> None:
    """Load authorities into a context.

    Raises:
        InvalidConfiguration: the file holds none.
    """
    try:
        load()
    except (ssl.SSLError, OSError, ValueError):
        raise InvalidConfiguration("it holds no certificate", option="ca_cert", remedy="Name a PEM file.") from None


def load_client_certificate(context: ssl.SSLContext, certificate: str, key: Optional[str]) -> None:
    """Load the client's own certificate into a context. An encrypted key is refused, without a prompt at the terminal.

    Raises:
        InvalidConfiguration: the files are not a certificate and its key.
    """
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError):
        raise InvalidConfiguration(
            "it is not a certificate with its key",
            option="client_cert",
            remedy="Give PEM files; the key is not encrypted, and belongs to the certificate.",
        ) from None
