# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SAML 2.0 (C9): a service, its identity provider, and the assertion of the person who logged in last."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import Any, Dict, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import FlowExpired, InvalidInput, NoToken, Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    Field,
    RefreshAnswer,
    TypeCapabilities,
    read_texts,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.interactive import FLOW, Callback, InteractiveType, OpenLogin

SIGNXML = Package("signxml >= 5.2, < 6", "signxml", "credentials of the type saml")
LXML = Package("lxml >= 6.1.3", "lxml", "credentials of the type saml")
ASSERTION, RESPONSE, METADATA, SEEN = "assertion", "response", "metadata", "seen"
OF_A_LOGIN = ("name_id", "name_id_format", "session_index", "session_expires_at", "attributes")
"""The fields that a login brings with the assertion, and that are no secrets."""
BINDINGS = ("redirect", "post")
_LOG_IN = "Start a login with the module credential_flow, phase 'start'."


class Saml(InteractiveType):
    """A service provider, which sends people to an identity provider and accepts what that signs of them.

    A person writes the service and its identity provider. A login brings the assertion, which is the state of the credential. `metadata`
    can be read as a field: the document with which the service is registered.
    """

    name = "saml"
    description = "a SAML 2.0 assertion of a person who has logged in"
    primary = ASSERTION
    capabilities = TypeCapabilities(interactive=True, rotation=False, generation=False)
    packages = (SIGNXML, LXML)
    internal = (FLOW, SEEN)
    callback = ("saml_response",)
    fields = (
        Field(ASSERTION, secret=True, description="The assertion of the last login, as XML. Only a login writes it."),
        Field("entity_id", required=True, identifies=True, description="The name of the service, as its identity provider knows it."),
        Field("acs_url", required=True, description="The address at which the service gets responses."),
        Field("binding", choices=BINDINGS, default="redirect", description="How a browser sends a request."),
        Field("name_id_format", description="The kind of name that is requested of the identity provider."),
        Field("private_key", secret=True, description="The RSA key that signs requests and decrypts assertions, as PEM."),
        Field("certificate", description="Its certificate, as PEM."),
        Field("idp_metadata", description="The metadata of the identity provider, as XML."),
        Field("idp_entity_id", description="The name of the identity provider."),
        Field("idp_sso_url", description="The address of its logins."),
        Field("idp_certificates", description="The certificates of the keys with which it signs, as PEM."),
    )

    def is_secret(self, field: str) -> bool:
        """Return False for the metadata of the service and for what a login says of the person, too."""
        return field not in (METADATA, *OF_A_LOGIN) and super().is_secret(field)

    def lacks_value(self, fields: Fields) -> bool:
        """Return False: a credential has no value before the first login."""
        return False

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields, and complete them by the default of `binding`.

        Raises:
            InvalidInput: as `CredentialType.validate` and `read_settings`; or an assertion is given.
            MissingLibrary: signxml, lxml or cryptography is not installed.
        """
        complete = super().validate(fields)
        if ASSERTION in find_values(complete):
            self.refuse(ASSERTION, "is written by a login alone", _LOG_IN)
        self._read_settings(complete)
        return complete

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, what the last login brought, or the metadata of the service.

        Raises:
            NoToken: there is no such value, or no login yet.
            MissingLibrary: a package for the metadata is not installed.
        """
        if field == METADATA and field not in state:
            settings, saml = self._read_settings(fields)
            return Secret(saml.write_metadata(settings))
        if field in (ASSERTION, RESPONSE, *OF_A_LOGIN) and ASSERTION not in state:
            raise NoToken("there was no login yet", remedy=_LOG_IN)
        return super().read(fields, state, field)

    def start_login(self, fields: Fields, lifetime: float) -> Tuple[Secret, Dict[str, Any]]:
        """Start a login. Return what has to be kept until it is complete, and what a person needs.

        Raises:
            InvalidInput: the metadata of the identity provider has expired.
            MissingLibrary: a package is not installed.
        """
        settings, saml = self._read_settings(fields)
        # Imported here, as below: it loads the packages.
        from ansible_collections.nebula.credential.plugins.module_utils.types.saml.requests import build_request

        now = time.time()
        saml.check_metadata_is_valid(read_texts(fields).get("idp_metadata"), _as_time(now))
        request = build_request(settings, _as_time(now))
        expires_at = int(now + lifetime)
        kept = {"flow": self.name, "expires_at": expires_at, "request_id": request.request_id}
        shown = {"flow": self.name, "expires_at": expires_at, "authorization_url": request.url}
        return Secret(json.dumps(kept)), dict(shown, login_page=request.page) if request.page else shown

    def check_login(self, login: OpenLogin, callback: Callback) -> bool:
        """Check all of a response. Return False: what is refused leaves the login open, and what is accepted ends it with its own write.

        Raises:
            FlowExpired: it was not completed in time.
            CredentialError: as `complete_login`.
        """
        if time.time() >= json.loads(login.kept.expose())["expires_at"]:
            raise FlowExpired("the login was not completed in time", remedy="Start another one with phase 'start'.")
        self.complete_login(login, callback)
        return False

    def complete_login(self, login: OpenLogin, callback: Callback) -> RefreshAnswer:
        """Return what a response brings. Nothing is sent.

        Raises:
            InvalidInput: there is no response.
            InvalidCallback: it is not accepted.
            CredentialError: as `read_response`.
        """
        settings, _saml = self._read_settings(login.fields)
        from ansible_collections.nebula.credential.plugins.module_utils.types.saml.responses import Expectation, read_response

        text, now = callback.get("saml_response"), time.time()
        if not text:
            remedy = "Use phase 'complete', with the field SAMLResponse of the form that the browser sends back."
            raise InvalidInput("a login in a browser is not waited for", option="phase", remedy=remedy)
        seen = _read_seen(login.state, now)
        request_id = json.loads(login.kept.expose())["request_id"]
        found = read_response(text, Expectation(settings, request_id, frozenset(seen), _as_time(now)))
        state: Dict[str, Any] = {
            RESPONSE: text,
            "name_id": found.name_id,
            "name_id_format": found.name_id_format,
            "session_index": found.session_index,
            "session_expires_at": found.session_ends_at and found.session_ends_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "attributes": json.dumps(found.attributes, ensure_ascii=False),
            SEEN: json.dumps(dict(seen, **{found.assertion_id: int(found.replayable_until.timestamp())})),
        }
        kept = {name: Secret(value) for name, value in state.items() if value is not None}
        return RefreshAnswer(dict(kept, **{ASSERTION: found.assertion}), found.not_on_or_after)

    def keep_login(self, fields: Fields, state: Fields) -> Dict[str, Secret]:
        """Return the fields as they are: an assertion is no input of the next login."""
        return dict(fields)

    def read_interval(self, kept: Secret) -> Optional[int]:
        """Return None: a login in a browser is not waited for."""
        return None

    def explain_restart(self, fields: Fields) -> str:
        """Return what a person does to get an assertion."""
        return _LOG_IN

    def explain_no_refresh(self, fields: Fields) -> str:
        """Return what a person does to get another assertion."""
        return _LOG_IN

    def explain_no_rotation(self) -> str:
        """Return what makes a new assertion, and where a new key of the service goes."""
        return _LOG_IN + " Write a new 'private_key' and 'certificate' with state 'present'."

    def _read_settings(self, fields: Fields) -> Tuple[Any, Any]:
        """Return the settings in fields, and the module that reads them, which loads the packages."""
        check_packages(self.packages)
        from ansible_collections.nebula.credential.plugins.module_utils.types.saml import settings

        return settings.read_settings(read_texts(fields)), settings


def _as_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _read_seen(state: Fields, now: float) -> Dict[str, int]:
    """Return the ids of the assertions that were accepted, each with the time (seconds since the epoch) until which it might be again."""
    found = json.loads(state[SEEN].expose()) if SEEN in state else {}
    return {assertion_id: end for assertion_id, end in found.items() if end > now}
