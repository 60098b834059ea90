# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that the PKI of HashiCorp Vault or OpenBao signs. The key never leaves: the PKI gets a signing request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    LoginFailed,
    StorageError,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient, HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificates import read_certificates
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.names import DNS, EMAIL, IP, URI
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.signing import Terms, find_common_name

if TYPE_CHECKING:
    from cryptography import x509

MOUNT = "pki"


def order_certificates(
    texts: Mapping[str, str], secret: Secret, request: x509.CertificateSigningRequest, terms: Terms
) -> List[x509.Certificate]:
    """Return a new certificate, and those above it.

    Args:
        texts: the fields that are not secret.
        secret: a token, or with `login_id` the secret id of that AppRole.
        request: the key and the names.
        terms: the names again, and how long it is to be valid if the fields say so.

    Raises:
        LoginFailed, AccessDenied, InvalidInput: the PKI refuses.
        StorageError: the response holds no certificate.
        CredentialError: there was no response (`HttpClient.request`).
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    client = HttpClient(Tls(ca_data=texts.get("ca_cert")))
    try:
        base = "{0}/v1/".format(texts["url"].rstrip("/"))
        headers = {"X-Vault-Request": "true"}
        if "namespace" in texts:
            headers["X-Vault-Namespace"] = texts["namespace"]
        headers["X-Vault-Token"] = _log_in(client, base, headers, texts, secret)
        path = "{0}/sign/{1}".format(texts.get("mount", MOUNT).strip("/"), texts["role"])
        csr = request.public_bytes(Encoding.PEM).decode("ascii")
        response = client.request("POST", base + path, headers=headers, json=dict(_build_terms(texts, terms), csr=csr))
        return _read_certificates(_check(response, path))
    finally:
        client.close()


def _log_in(client: HttpClient, base: str, headers: Mapping[str, str], texts: Mapping[str, str], secret: Secret) -> str:
    text = secret.expose().decode("utf-8")
    if "login_id" not in texts:
        return text
    body = {"role_id": texts["login_id"], "secret_id": text}
    response = client.request("POST", base + "auth/approle/login", headers=headers, json=body).check_available()
    auth = response.json.get("auth")
    if response.status != 200 or not isinstance(auth, dict) or not isinstance(auth.get("client_token"), str):
        what = "the PKI at {0} does not accept the AppRole of the certificate (status {1})".format(response.host, response.status)
        raise LoginFailed(what, remedy="Check 'login_id' and 'login_secret': a secret id may have expired or been used up.")
    return str(auth["client_token"])


def _build_terms(texts: Mapping[str, str], terms: Terms) -> Dict[str, Any]:
    # The PKI counts email addresses as alternative names, as host names.
    joined = {
        parameter: ",".join(name.text for name in terms.alt_names if name.kind in kinds)
        for parameter, kinds in (("alt_names", (DNS, EMAIL)), ("ip_sans", (IP,)), ("uri_sans", (URI,)))
    }
    found: Dict[str, Any] = {parameter: text for parameter, text in joined.items() if text}
    if "valid_for" in texts:
        found["ttl"] = "{0}s".format(int(terms.lasts.total_seconds()))
    return dict(found, common_name=find_common_name(terms.subject), format="pem")


def _check(response: HttpResponse, path: str) -> HttpResponse:
    response.check_available()
    if response.status in (200, 201):
        return response
    error: CredentialError
    if response.status == 403:
        what = "the PKI at {0} does not let this login sign".format(response.host)
        error = AccessDenied(what, remedy="Check that 'login_secret' is valid, and allow 'update' on {0}.".format(ascii(path)))
    else:
        what = "the PKI at {0} refuses to sign (status {1})".format(response.host, response.status)
        remedy = "Check that {0} exists, and that the role allows the names, the kind of key and 'valid_for'.".format(ascii(path))
        error = InvalidInput(what, remedy=remedy)
    raise error


def _read_certificates(response: HttpResponse) -> List[x509.Certificate]:
    data = response.json.get("data")
    found = data if isinstance(data, dict) else {}
    chain = found.get("ca_chain") or [found.get("issuing_ca")]
    texts = [found.get("certificate"), *(chain if isinstance(chain, list) else [])]
    try:
        return read_certificates("\n".join(text for text in texts if isinstance(text, str)).encode("utf-8"), "certificate")
    except InvalidInput:
        raise StorageError("{0} sent no certificate".format(response.host), remedy="Check the address of the service.") from None
