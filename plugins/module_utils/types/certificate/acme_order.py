# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates by ACME (RFC 8555), with the library `acme` over our own HTTP client."""

from __future__ import annotations

import io
import time
from contextlib import ExitStack, contextmanager
from copy import copy
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import host_and_port, split_url
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.acme_challenges import prove_control
from ansible_collections.nebula.credential.plugins.module_utils.types.certificate.certificates import read_certificates

if TYPE_CHECKING:
    from acme.client import ClientV2
    from acme.messages import OrderResource
    from cryptography import x509

REFUSAL_LASTS = 600.0
"""Seconds for which this process does not order again after a refusal: services count failed orders, and stop answering after a few."""

_LIMIT = "rateLimited"
_TRANSIENT = (_LIMIT, "serverInternal", "badNonce")
_CODES = (
    *_TRANSIENT,
    *("accountDoesNotExist", "badCSR", "badPublicKey", "badSignatureAlgorithm", "caa", "compound", "connection", "dns", "dnssec"),
    *("externalAccountRequired", "incorrectResponse", "invalidContact", "invalidEmail", "malformed", "rejectedIdentifier", "tls"),
    *("unauthorized", "unknownHost", "unsupportedContact", "unsupportedIdentifier", "userActionRequired"),
)
"""The codes of RFC 8555 section 6.7 that messages show. Any other text of a service is not shown."""

_REFUSED: Dict[bytes, Tuple[float, CredentialError]] = {}
"""By order: until when it is not sent again, and why."""


class Account:
    """The account at the service.

    Attributes:
        key: its private key, in PEM.
        binding: the key that binds it to an account that exists elsewhere, in base64url; None if it is bound to none.
    """

    def __init__(self, key: Secret, binding: Optional[Secret]) -> None:
        """Take the two secrets of the credential."""
        self.key = key
        self.binding = binding


def order_certificates(texts: Mapping[str, str], account: Account, request: x509.CertificateSigningRequest) -> List[x509.Certificate]:
    """Return a new certificate, and those above it.

    Args:
        texts: the fields that are not secret.
        account: who orders. It is registered if the service does not know it.
        request: the key and the names.

    Raises:
        AccessDenied, InvalidInput: the service refuses, or cannot verify a name. The same order is refused here for a while.
        InvalidConfiguration: the control of a name cannot be proved from here.
        Unavailable: the limit of the service is reached, or it failed.
        CredentialError: there was no response (`HttpClient.request`).
    """
    same = _identify_order(texts, account, request)
    until, refusal = _REFUSED.get(same, (0.0, None))
    if refusal is not None and time.monotonic() < until:
        raise copy(refusal)
    client = HttpClient(Tls(ca_data=texts.get("ca_cert")))
    try:
        with _in_our_words(host_of(texts["url"])):
            return _order(client, texts, account, request)
    except (AccessDenied, InvalidInput) as error:
        for past in [each for each, (ends, _error) in list(_REFUSED.items()) if ends < time.monotonic()]:
            _REFUSED.pop(past, None)
        _REFUSED[same] = (time.monotonic() + REFUSAL_LASTS, error)
        raise
    finally:
        client.close()


def _identify_order(texts: Mapping[str, str], account: Account, request: x509.CertificateSigningRequest) -> bytes:
    """Return a digest of what a service decides by: after another key or login was written, it is not the same order."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    parts = (repr(sorted(texts.items())).encode("utf-8"), key, account.key.expose(), account.binding.expose() if account.binding else b"")
    return sha256(b"".join(sha256(part).digest() for part in parts)).digest()


def host_of(url: str) -> str:
    """Return host and port of an address, for messages."""
    found = split_url(url)
    return "the service" if found is None or not found.hostname else host_and_port(found)


def generate_account_key() -> Secret:
    """Return the private key of a new account: P-256, which every service takes (RFC 8555 section 6.2)."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _order(
    client: HttpClient, texts: Mapping[str, str], account: Account, request: x509.CertificateSigningRequest
) -> List[x509.Certificate]:
    from cryptography.hazmat.primitives.serialization import Encoding

    acme = _connect(client, texts["url"], account.key)
    _register(acme, texts, account)
    order = acme.new_order(request.public_bytes(Encoding.PEM))
    with ExitStack() as proofs:
        for authorization in order.authorizations:
            prove_control(acme, authorization, texts, proofs)
        finished = acme.poll_and_finalize(order, datetime.now() + timedelta(seconds=deadline.remaining()))  # noqa: DTZ005  # as `acme` reads the clock
    return read_certificates(_read_fullchain(finished), "certificate")


def _connect(client: HttpClient, url: str, key: Secret) -> ClientV2:
    from acme.client import ClientNetwork, ClientV2
    from acme.messages import Directory
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from josepy.jwa import ES256
    from josepy.jwk import JWKEC
    from josepy.util import ComparableECKey

    try:
        loaded = load_pem_private_key(key.expose(), None)
    except (ValueError, TypeError):
        loaded = None
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.curve.name != "secp256r1":
        raise InvalidInput("'account_key' is no key of P-256 in PEM", remedy="Leave it out, so that one is made.")
    network = ClientNetwork(JWKEC(key=ComparableECKey(loaded)), alg=ES256, user_agent="nebula-credential")
    network.session.close()
    network.session = _Transport(client)  # type: ignore[assignment]  # it has what `acme` uses
    return ClientV2(Directory.from_json(network.get(url).json()), network)


class _Transport:
    """What `acme` uses of a `requests.Session`, over our HTTP client: each request obeys its rules, and fails in its words."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def request(self, method: str, url: str, *, headers: Mapping[str, str], data: Any = None, **_settings: Any) -> Any:
        """Send a request. Certificates, time limits and proxies are settings of our client."""
        from requests import Response
        from requests.structures import CaseInsensitiveDict

        body = data.encode("utf-8") if isinstance(data, str) else data
        found = self._client.request(method, url, headers=headers, body=body)
        if found.status >= 500:
            found.check_available()
        response = Response()
        response.status_code = found.status
        response.headers = CaseInsensitiveDict(found.headers)
        response.raw = io.BytesIO(found.body)
        response.url = url
        return response

    def close(self) -> None:
        """Leave the client open: who made it closes it."""


def _register(acme: ClientV2, texts: Mapping[str, str], account: Account) -> None:
    """Create the account, or find it by its key."""
    from acme import errors, messages

    binding = None
    if account.binding is not None and "login_id" in texts:
        key: Any = acme.net.key
        text = account.binding.expose().decode("ascii", "replace")
        try:
            binding = messages.ExternalAccountBinding.from_data(key.public_key(), texts["login_id"], text, acme.directory)
        except (ValueError, TypeError):
            raise InvalidInput("'login_secret' is not base64url", remedy="Give the HMAC key as the service shows it.") from None
    wanted = messages.NewRegistration.from_data(email=texts.get("contact"), terms_of_service_agreed=True, external_account_binding=binding)
    try:
        acme.new_account(wanted)
    except errors.ConflictError as there:
        acme.net.account = messages.RegistrationResource(uri=there.location, body=messages.Registration())


def _read_fullchain(order: OrderResource) -> bytes:
    return str(order.fullchain_pem).encode("ascii", "replace")


@contextmanager
def _in_our_words(host: str) -> Iterator[None]:
    """Raise the errors of the library as errors of ours, with the codes of RFC 8555 alone."""
    from acme import errors, messages
    from josepy.errors import Error as JoseError

    try:
        yield
    except CredentialError:
        raise
    except errors.ValidationError as failed:
        raise _verification_error(host, failed.failed_authzrs) from None
    except errors.TimeoutError:
        raise deadline.timeout_error(server=host) from None
    except errors.IssuanceError as problem:
        raise _refusal_error(host, _read_code(problem.error)) from None
    except messages.Error as problem:
        raise _refusal_error(host, _read_code(problem)) from None
    except (errors.Error, JoseError, KeyError, ValueError, TypeError, AttributeError):
        what = "{0} does not speak ACME, or refuses without a reason".format(host)
        raise StorageError(what, remedy="Set 'url' to the directory of the service.") from None


def _verification_error(host: str, failed: List[Any]) -> CredentialError:
    found = [
        (each.body.identifier.value, _read_code(challenge.error))
        for each in failed
        for challenge in each.body.challenges
        if challenge.error
    ]
    named = ", ".join("{0} ({1})".format(ascii(name), _show(code)) for name, code in found)
    remedy = (
        "Let http://NAME/.well-known/acme-challenge/ serve the files of 'challenge_directory', port 80, and check the DNS. "
        "With 'challenge: dns', the program must end when the service can see the record."
    )
    return InvalidInput("{0} could not verify: {1}".format(host, named), remedy=remedy)


def _read_code(problem: Any) -> str:
    """Return the last part of a problem's type, `rateLimited` of `urn:ietf:params:acme:error:rateLimited`."""
    return str(problem.typ or "").rpartition(":")[2]


def _refusal_error(host: str, code: str) -> CredentialError:
    what = "{0} refuses the order ({1})".format(host, _show(code))
    if code in _TRANSIENT:
        remedy = "Wait: too many certificates or failures were counted." if code == _LIMIT else "Run it again later."
        return Unavailable(what, remedy=remedy).annotate(throttled=code == _LIMIT)
    if code in ("externalAccountRequired", "unauthorized", "userActionRequired", "accountDoesNotExist"):
        return AccessDenied(what, remedy="Check 'login_id' and 'login_secret', and what the service demands of the account.")
    return InvalidInput(what, remedy="Check the names, the kind of key and 'contact'.")


def _show(code: str) -> str:
    return code if code in _CODES else "a code that is not known here"
