# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kerberos (C11): the password or the keytab of a principal, and the tickets that are requested with it."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import require_fetch_allowed
from ansible_collections.nebula.credential.plugins.module_utils.errors import NoToken, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    DUE_AT_ONCE,
    CredentialType,
    Field,
    RefreshAnswer,
    TypeCapabilities,
    read_public_texts,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos import keytab, tickets

PASSWORD, KEYTAB, TICKET_CACHE, HEADER, KEY_VERSIONS = "password", "keytab", "ticket_cache", "header", "key_versions"
_NAME = r"[A-Za-z0-9._$~+-]+"
_PRINCIPAL = re.compile(r"{0}(?:/{0})*@([A-Za-z0-9][A-Za-z0-9.-]*)\Z".format(_NAME))
_SERVICE = re.compile(r"{0}(?:@[A-Za-z0-9][A-Za-z0-9.-]*|/{0}(?:@[A-Za-z0-9][A-Za-z0-9.-]*)?)\Z".format(_NAME))
_KDC = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?\Z")
_SETTINGS = {"lifetime": "ticket_lifetime", "renewable_for": "renew_lifetime"}
_LONGEST = timedelta(days=366)


class Kerberos(CredentialType):
    """The key of a principal. What is read is a cache of tickets, or for a service the header of a request to it.

    A ticket is the state of a refresh: it is requested again, with the key, before it ends.
    """

    name = "kerberos"
    description = "the key of a Kerberos principal, and its tickets"
    primary = PASSWORD
    capabilities = TypeCapabilities(refresh=True)
    refresh_is_single_use = False
    packages = (tickets.GSSAPI,)
    fields = (
        Field(PASSWORD, secret=True, description="The password."),
        Field(KEYTAB, secret=True, binary=True, description="Keys of the principal, instead of a password: a keytab, or its base64."),
        Field("principal", required=True, identifies=True, description="Whose key it is: C(name@REALM) or C(service/host@REALM)."),
        Field("kdc", description="The KDCs of the realm, with commas in between; those of the machine's configuration if not given."),
        Field("service", identifies=True, description="The service that tickets are for: C(HTTP@host) or C(HTTP/host@REALM)."),
        Field("lifetime", description="How long tickets are requested for, for example C(10h); as the KDC has it if not given."),
        Field("renewable_for", description="For how long a program may renew the tickets, for example C(7d); not at all if not given."),
        Field("forwardable", choices=("true", "false"), description="Whether a program may pass the tickets on to another machine."),
    )

    def primary_of(self, fields: Fields) -> str:
        """Return `keytab` if the credential has one, else `password`."""
        return KEYTAB if KEYTAB in find_values(fields) else PASSWORD

    def choose_field(self, fields: Fields) -> str:
        """Return `ticket_cache`."""
        return TICKET_CACHE

    def is_secret(self, field: str) -> bool:
        """Return False for the versions of the keys, too."""
        return field != KEY_VERSIONS and super().is_secret(field)

    def expand(self, fields: Fields) -> Dict[str, Secret]:
        """Replace the base64 of a keytab by the keytab."""
        given = dict(fields)
        content = given[KEYTAB].expose() if KEYTAB in given else keytab.HEADER
        if not content.startswith(keytab.HEADER):
            try:
                given[KEYTAB] = Secret(base64.b64decode(b"".join(content.split()), validate=True))
            except binascii.Error:
                self._refuse_keytab()
        return given

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields.

        Raises:
            InvalidInput: as `CredentialType.validate`; or there is neither a password nor a keytab, or both; the keytab has no key of
                the principal; another field does not fit.
            MissingLibrary: gssapi is not installed.
        """
        complete = super().validate(self.expand(fields))
        texts, there = read_public_texts(self, complete), find_values(complete)
        if not _PRINCIPAL.match(texts["principal"]):
            self.refuse("principal", "is no principal", "Write it as 'name@REALM' or 'service/host@REALM'.")
        if (PASSWORD in there) == (KEYTAB in there):
            self.refuse(PASSWORD, "is missing, or given with 'keytab'", "Give one of the two; set the other one to null.")
        if PASSWORD in there and not there[PASSWORD].expose():
            self.refuse(PASSWORD, "is empty", "Give the password of the principal.")
        if KEYTAB in there and not self._list_versions(complete):
            self.refuse(KEYTAB, "has no key of the principal", "Give a keytab that 'klist -k' shows the principal in.")
        if "service" in texts and not _SERVICE.match(texts["service"]):
            self.refuse("service", "is no service", "Write it as 'HTTP@host' or 'HTTP/host@REALM'.")
        self._build_realm(texts)
        check_packages(self.packages)
        return complete

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return a time in the past: the first read requests a ticket."""
        return DUE_AT_ONCE

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields` with a new password.

        Raises:
            InvalidInput: the credential has a keytab, or the options do not fit.
        """
        if KEYTAB in find_values(fields):
            self.refuse(KEYTAB, "cannot be generated", "Have the KDC write it ('ktadd' of kadmin), and give it.")
        return super().generate(options, fields)

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, the cache of tickets, the header of HTTP's Negotiate, or the versions of the keytab's keys.

        Raises:
            NoToken: there is no such value, or no ticket yet.
            LoginFailed, Unavailable, Timeout: the KDC gave no ticket for the service.
        """
        if field == KEY_VERSIONS and KEYTAB in find_values(fields):
            return Secret(",".join(map(str, self._list_versions(fields))))
        if field not in (TICKET_CACHE, HEADER):
            return super().read(fields, state, field)
        if TICKET_CACHE not in state:
            raise NoToken("there is no ticket yet", remedy="Leave out 'ttl' and 'expires_at': the KDC sets the end of a ticket.")
        cache = tickets.decode_cache(state[TICKET_CACHE])
        return cache if field == TICKET_CACHE else self._build_header(fields, cache)

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Request a ticket of the realm, and one for the service.

        Raises:
            LoginFailed: the KDC refuses.
            Unavailable, Timeout: there is no response.
        """
        # The end is reckoned from before the request, so it is never later than the KDC's.
        now, found = datetime.now(timezone.utc), self._get_tickets(fields)
        return RefreshAnswer({TICKET_CACHE: tickets.encode_cache(found.cache)}, now + timedelta(seconds=found.seconds))

    def try_login(self, fields: Fields) -> None:
        """Request a ticket, and drop it. Raises as `refresh`."""
        self._get_tickets(fields)

    def _get_tickets(self, fields: Fields) -> tickets.Tickets:
        texts, which = read_public_texts(self, fields), self.primary_of(fields)
        return tickets.get_tickets(self._build_realm(texts), texts["principal"], fields[which], which == KEYTAB, texts.get("service"))

    def _build_header(self, fields: Fields, cache: Secret) -> Secret:
        texts = read_public_texts(self, fields)
        if "service" not in texts:
            raise NoToken("there is no header without a service", remedy="Name it in the field 'service', for example 'HTTP@host'.")
        require_fetch_allowed()  # It takes a process: whoever must not wait has a thread do it.
        token = tickets.build_token(self._build_realm(texts), cache, texts["service"])
        return Secret(b"Authorization: Negotiate " + token.expose())

    def _build_realm(self, texts: Mapping[str, str]) -> tickets.Realm:
        settings = {"forwardable": texts["forwardable"]} if "forwardable" in texts else {}
        for field, setting in _SETTINGS.items():
            if field in texts:
                lasts = duration(texts[field], "fields." + field)
                if not timedelta(minutes=5) <= lasts <= _LONGEST:
                    self.refuse(field, "is not between 5 minutes and {0} days".format(_LONGEST.days), "Write for example 10h.")
                settings[setting] = "{0:.0f}s".format(lasts.total_seconds())
        return tickets.Realm(texts["principal"].rpartition("@")[2], self._read_kdc(texts), settings)

    def _read_kdc(self, texts: Mapping[str, str]) -> Tuple[str, ...]:
        names = tuple(name.strip() for name in texts["kdc"].split(",")) if "kdc" in texts else ()
        if not all(_KDC.match(name) for name in names):
            self.refuse("kdc", "has something that is no host", "Write hosts, each with a port if it is not 88, and commas in between.")
        return names

    def _list_versions(self, fields: Fields) -> Tuple[int, ...]:
        entries: Optional[List[keytab.Entry]] = keytab.read_keytab(fields[KEYTAB].expose())
        if entries is None:
            self._refuse_keytab()
        return keytab.list_versions(entries or (), read_public_texts(self, fields)["principal"])

    def _refuse_keytab(self) -> None:
        self.refuse(KEYTAB, "is no keytab", "Give the file, in base64: lookup('ansible.builtin.pipe', 'base64 svc.keytab').")
