# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of directories: LDAP and Active Directory (C10)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import Package
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network import ldap_names
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_encoded, split_url
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field, read_texts
from ansible_collections.nebula.credential.plugins.module_utils.types.service_address import CA_CERT, check_ca_cert

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.network import ldap

UNICODE_PWD = "unicode_pwd"
LDAP, ACTIVE_DIRECTORY = "ldap", "active_directory"
SIMPLE, DIGEST_MD5 = "simple", "DIGEST-MD5"
MECHANISMS = (SIMPLE, "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", DIGEST_MD5)
_OF_ACTIVE_DIRECTORY = (SIMPLE, DIGEST_MD5)
CONNECTION_SECONDS = 30.0


class Ldap(CredentialType):
    """A password, who logs in with it, and the directory.

    `unicode_pwd` can be read as a field of an account in Active Directory: the password as its attribute unicodePwd takes it.
    """

    name = "ldap"
    description = "a login of a directory: LDAP or Active Directory"
    primary = "password"
    packages = (Package("bonsai >= 1.5.3", "bonsai", when="logins that are tried"),)
    fields = (
        Field("password", secret=True, required=True, description="The password."),
        Field("url", required=True, identifies=True, description="The server: C(ldaps://host) or C(ldap://host)."),
        Field("bind_dn", identifies=True, description="Who logs in: a distinguished name."),
        Field("username", identifies=True, description="Who logs in, instead of O(bind_dn): a name of Active Directory or of SASL."),
        Field("directory", default=LDAP, choices=(LDAP, ACTIVE_DIRECTORY), description="The kind of directory."),
        Field("mechanism", default=SIMPLE, choices=MECHANISMS, description="How it logs in: V(simple), or a mechanism of SASL."),
        Field("realm", description="The realm of DIGEST-MD5, if the server has several."),
        Field("start_tls", choices=("true", "false"), description="Whether C(ldap://) is encrypted by StartTLS; C(true) if not given."),
        Field("base_dn", identifies=True, description="Where searches begin, for those who read the credential."),
        CA_CERT,
    )

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields.

        Raises:
            InvalidInput: as `CredentialType.validate`; or the password is empty, the address is none of a directory, or the name does
                not fit the directory and the mechanism.
        """
        complete = super().validate(fields)
        texts = read_texts(complete)
        if not texts["password"]:
            self.refuse("password", "is empty, which a directory takes for an anonymous login", "Give the password of the account.")
        self._check_server(texts)
        self._check_user(texts)
        if "base_dn" in texts and not ldap_names.is_dn(texts["base_dn"]):
            self._refuse_dn("base_dn")
        return complete

    def is_secret(self, field: str) -> bool:
        """Return True for the other form of the password, too."""
        return field == UNICODE_PWD or super().is_secret(field)

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, or the password as the value of `unicodePwd`, in base64.

        Raises:
            NoToken: there is no such value, or the directory is no Active Directory.
        """
        if field != UNICODE_PWD or not is_active_directory(read_texts(fields)):
            return super().read(fields, state, field)
        return Secret(base64.b64encode(encode_unicode_pwd(super().read(fields, state, self.primary))))

    def try_login(self, fields: Fields) -> None:
        """Log in to the directory, and do nothing else. One connection.

        Raises:
            LoginFailed: the directory refuses it.
            Unavailable, Timeout: the directory cannot be reached.
            MissingLibrary: bonsai is not installed.
        """
        from ansible_collections.nebula.credential.plugins.module_utils.network import ldap, ldap_problems

        server = build_server(read_texts(fields))
        problem = ldap.send(server, build_login(fields), (), min(CONNECTION_SECONDS, deadline.remaining())).problem
        if problem is not None:
            raise ldap_problems.describe_login(problem, server)

    def _check_server(self, texts: Mapping[str, str]) -> None:
        parts = split_url(texts["url"])
        if parts is None or parts.scheme not in ("ldaps", "ldap") or not parts.hostname or not is_encoded(parts):
            self.refuse("url", "is not the address of a directory", "Write it as 'ldaps://host' or 'ldap://host:389'.")
        if parts.username is not None or parts.path.strip("/") or parts.query:
            self.refuse("url", "has more than a host and a port", "Give user and search base in their own fields.")
        if parts.scheme == "ldaps" and "start_tls" in texts:
            self.refuse("start_tls", "has no effect with 'ldaps', which is encrypted from its beginning", "Set it to null.")
        if "ca_cert" in texts:
            check_ca_cert(self, texts["ca_cert"])

    def _check_user(self, texts: Mapping[str, str]) -> None:
        if ("bind_dn" in texts) == ("username" in texts):
            self.refuse("bind_dn", "is missing, or given with 'username'", "Give one of the two.")
        if "bind_dn" in texts and not ldap_names.is_dn(texts["bind_dn"]):
            self._refuse_dn("bind_dn")
        mechanism, directory = texts["mechanism"], texts["directory"]
        if directory == ACTIVE_DIRECTORY and mechanism not in _OF_ACTIVE_DIRECTORY:
            self.refuse("mechanism", "is none of Active Directory's", "Use one of: {0}.".format(", ".join(_OF_ACTIVE_DIRECTORY)))
        if mechanism != SIMPLE and "bind_dn" in texts:
            self.refuse("bind_dn", "is given with a mechanism of SASL", "Give 'username': the directory maps it to an entry.")
        if mechanism != DIGEST_MD5 and "realm" in texts:
            self.refuse("realm", "has no effect without DIGEST-MD5", "Set it to null.")
        if mechanism == SIMPLE and "username" in texts:
            self._check_username(texts["username"], directory)
        if not texts.get("username", "-").isprintable():
            self.refuse("username", "has control characters", "Write the name as the directory has it.")

    def _check_username(self, name: str, directory: str) -> None:
        if directory != ACTIVE_DIRECTORY:
            self.refuse("username", "is given for a simple login", "Give 'bind_dn', or 'directory: active_directory', or a mechanism.")
        if not ldap_names.is_principal_name(name) and not ldap_names.is_down_level_name(name):
            self.refuse("username", "is no name of an account", "Write 'user@example.com' or 'EXAMPLE\\user', or give 'bind_dn'.")

    def _refuse_dn(self, field: str) -> None:
        remedy = "Write 'uid=app,ou=services,dc=example,dc=com'. The filter nebula.credential.ldap_dn_value escapes a part of it."
        self.refuse(field, "is no distinguished name", remedy)


def is_active_directory(texts: Mapping[str, str]) -> bool:
    """Return True if the directory of a credential is an Active Directory."""
    return texts.get("directory") == ACTIVE_DIRECTORY


def encode_unicode_pwd(password: Secret) -> bytes:
    """Return a password as the value of Active Directory's attribute unicodePwd: in quotes, in UTF-16 (MS-ADTS 3.1.1.3.1.5)."""
    return '"{0}"'.format(password.expose().decode("utf-8")).encode("utf-16-le")


def build_server(texts: Mapping[str, str]) -> ldap.Server:
    """Return the server of a credential."""
    from ansible_collections.nebula.credential.plugins.module_utils.network import ldap

    start_tls = not texts["url"].lower().startswith("ldaps:") and texts.get("start_tls") != "false"
    return ldap.Server(texts["url"], start_tls, texts.get("ca_cert"))


def build_login(fields: Fields) -> ldap.Login:
    """Return the login of a credential."""
    from ansible_collections.nebula.credential.plugins.module_utils.network import ldap

    texts = read_texts(fields)
    user = texts.get("bind_dn") or texts["username"]
    return ldap.Login(user, fields["password"], texts["mechanism"], texts.get("realm"))
