# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests of a login (SAML core 3.4): an AuthnRequest, sent by the browser as a redirect or as a form (SAML bindings 3.4 and 3.5)."""

from __future__ import annotations

import base64
import secrets
import zlib
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, NamedTuple, Optional
from urllib.parse import quote, urlencode

from ansible_collections.nebula.credential.plugins.module_utils.types.saml.documents import SAML, SAMLP, add, build, write, write_time
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.settings import (
    BINDINGS,
    POST,
    REDIRECT,
    SamlSettings,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.signatures import RSA_SHA256, sign

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ansible_collections.nebula.credential.plugins.module_utils.types.saml.keys import ServiceKey

ID_BYTES = 20
"""The random part of a request's id: only who has seen the request can have a response to it."""
_PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Log in</title></head><body>
<form method="post" action="{url}">
<input type="hidden" name="SAMLRequest" value="{request}">
<button type="submit">Log in</button>
</form></body></html>
"""


class LoginRequest(NamedTuple):
    """A request, and how a browser sends it.

    Attributes:
        request_id: what the response has to name.
        url: the address that the browser opens; for a form the one that the form is sent to.
        page: an HTML page with the form; None for a redirect.
    """

    request_id: str
    url: str
    page: Optional[str] = None


def build_request(settings: SamlSettings, now: datetime) -> LoginRequest:
    """Return a request for a login. It is signed if the service has a key."""
    request_id = "_" + secrets.token_hex(ID_BYTES)
    request = _build_document(settings, request_id, now)
    url = settings.provider.sso_url
    if settings.binding == REDIRECT:
        return LoginRequest(request_id, _build_url(url, write(request), settings.key))
    document = write(sign(request, settings.key) if settings.key else request)
    page = _PAGE.format(url=escape(url), request=base64.b64encode(document).decode("ascii"))
    return LoginRequest(request_id, url, page)


def _build_document(settings: SamlSettings, request_id: str, now: datetime) -> Element:
    attributes = {
        "ID": request_id,
        "Version": "2.0",
        "IssueInstant": write_time(now),
        "Destination": settings.provider.sso_url,
        "AssertionConsumerServiceURL": settings.acs_url,
        "ProtocolBinding": BINDINGS[POST],
    }
    root = build(SAMLP, "AuthnRequest", attributes, {"samlp": SAMLP, "saml": SAML})
    add(root, SAML, "Issuer", text=settings.entity_id)
    wanted = {"Format": settings.name_id_format} if settings.name_id_format else {}
    add(root, SAMLP, "NameIDPolicy", dict(wanted, AllowCreate="true"))
    return root


def _build_url(url: str, document: bytes, key: Optional[ServiceKey]) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(document) + packer.flush()
    query = urlencode({"SAMLRequest": base64.b64encode(packed)}, quote_via=quote, safe="")
    if key is not None:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        # What is signed is the text of the parameters, in this order (SAML bindings 3.4.4.1).
        query += "&" + urlencode({"SigAlg": RSA_SHA256}, quote_via=quote, safe="")
        signature = key.key.sign(query.encode("ascii"), PKCS1v15(), SHA256())
        query += "&" + urlencode({"Signature": base64.b64encode(signature)}, quote_via=quote, safe="")
    return "{0}{1}{2}".format(url, "&" if "?" in url else "?", query)
