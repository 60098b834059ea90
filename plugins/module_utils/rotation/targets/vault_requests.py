# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests of targets to HashiCorp Vault or OpenBao, with the login of an administrator."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidInput, LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import controller_requests
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Modules
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.response_content import find_part, find_text

MAX_REQUEST_LIFE = 120
"""A server ends a request after 90 s, unless it is configured otherwise."""
DENIED = 403
TOKEN, APPROLE, USERPASS = "token", "approle", "userpass"
_TOKEN_FIELDS = ("token", "api_key", "value", "password")
"""The fields that hold a token, by the type of the credential: the first that is there."""
_LOGINS: Mapping[str, Mapping[str, str]] = {
    APPROLE: {"role_id": "username", "secret_id": "password"},
    USERPASS: {"password": "password"},
}
"""What a login sends, and the fields of the administrator's credential that hold it."""


def build_options(kind: str) -> Dict[str, Option]:
    """Return the options of the server and the administrator's login, for the target of that kind."""
    return {
        "url": Option("str", ("The address of the server, for example C(https://vault.example.com:8200).",), required=True),
        "namespace": Option("str", ("The namespace.",)),
        "ca_cert": Option("path", ("A file of CA certificates that verify the server's certificate, on the controller.",)),
        "admin_credential": Option(
            "str",
            (
                "A credential in the same store by which the administrator logs in.",
                (
                    "With a token: its field C(token), C(api_key), C(value) or C(password). With V(approle): C(username) is the role id,"
                    " C(password) the secret id. With V(userpass): C(username) and C(password)."
                ),
            ),
            required=True,
            no_log=False,
            credential=True,
        ),
        "admin_login": Option(
            "str",
            ("What O({0}.admin_credential) holds.".format(kind),),
            default=TOKEN,
            choices=(TOKEN, APPROLE, USERPASS),
        ),
        "admin_mount": Option(
            "str", ("Where the method of O({0}.admin_login) is mounted. Defaults to the name of the method.".format(kind),)
        ),
    }


class VaultRequests:
    """The server that a target's options name."""

    def __init__(self, kind: str, options: Mapping[str, Any]) -> None:
        """Set the kind of the target, for messages, and its options. Opens nothing."""
        self._kind = kind
        self._options = options
        self._token: Optional[Secret] = None

    def check(self) -> None:
        """Check the options of the server and of the login.

        Raises:
            InvalidInput: one does not fit.
        """
        controller_requests.check_url(self._kind + ".url", str(self._options["url"]))
        build_context(self._tls)
        method, admin = self._options["admin_login"], self._options["admin_credential"]
        if method == TOKEN and self._options.get("admin_mount"):
            raise self.build_error("admin_mount", "a token has no login", "Leave it out, or name the method in 'admin_login'.")
        needed = ("username", "password") if method != TOKEN else ()
        missing = [name for name in needed if name not in admin]
        if missing or not any(name in admin for name in _TOKEN_FIELDS):
            what = "it has no field '{0}'".format(missing[0] if missing else "token")
            raise self.build_error("admin_credential", what, "Correct 'admin_login', or name another credential.")

    def build_error(self, option: str, what: str, remedy: str) -> InvalidInput:
        """Return the error for one of the target's options."""
        return InvalidInput(what, option="{0}.{1}".format(self._kind, option), remedy=remedy)

    @property
    def _tls(self) -> Tls:
        return Tls(ca_file=self._options.get("ca_cert"))

    def send(
        self, modules: Modules, method: str, path: str, body: Optional[Mapping[str, Any]] = None, token: Optional[Secret] = None
    ) -> HttpResponse:
        """Send a request with a token, or without one. Raises as `controller_requests.send`."""
        namespace = self._options.get("namespace")
        headers = {"X-Vault-Request": "true", **({"X-Vault-Namespace": str(namespace)} if namespace else {})}
        if token is not None:
            headers["X-Vault-Token"] = token.expose().decode("latin-1")
        url = "{0}/v1/{1}".format(str(self._options["url"]).rstrip("/"), path)
        return controller_requests.send(modules, self._tls, method, url, headers=headers, json=body)

    def send_as_admin(self, modules: Modules, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> HttpResponse:
        """Send a request with the administrator's token; log in first if there is none.

        Raises:
            LoginFailed: the server does not accept the administrator's login. Nothing was sent.
            CredentialError: there was no response.
        """
        if self._token is None:
            self._token = self._log_in(modules)
        return self.send(modules, method, path, body, self._token)

    def _log_in(self, modules: Modules) -> Secret:
        method, admin = self._options["admin_login"], self._options["admin_credential"]
        if method == TOKEN:
            return next(Secret(admin[name].expose()) for name in _TOKEN_FIELDS if name in admin)
        path = "auth/{0}/login".format(quote_path(self._options.get("admin_mount") or method))
        if method == USERPASS:
            path += "/" + quote(admin["username"].expose().decode("utf-8"), safe="")
        body = {name: admin[field].expose().decode("utf-8") for name, field in _LOGINS[method].items()}
        response = self.send(modules, "POST", path, body).check_available()
        token = find_text(response.json, "auth.client_token")
        if token is None:
            what = "the server does not accept the administrator's login"
            raise LoginFailed(what, option=self._kind + ".admin_credential", remedy="Nothing was changed. Correct the credential.")
        return Secret(token)

    def check_rights(self, modules: Modules, needed: Mapping[str, Sequence[str]]) -> None:
        """Check that the administrator's token may do what the rotation needs. `needed` has the capabilities by path.

        Raises:
            AccessDenied: a capability is missing. The message names it.
            CredentialError: there was no response.
        """
        response = self.send_as_admin(modules, "POST", "sys/capabilities-self", {"paths": sorted(needed)}).check_available()
        found = find_part(response.json, "data")
        for path, capabilities in sorted(needed.items()) if response.status == 200 else ():
            held: Sequence[Any] = (found.get(path) if isinstance(found, dict) else None) or ()
            missing = [each for each in capabilities if each not in held and "root" not in held]
            if missing:
                what = "the administrator has no capability '{0}' on '{1}'".format(missing[0], path)
                remedy = "Nothing was changed. Add it to a policy of the token."
                raise AccessDenied(what, option=self._kind + ".admin_credential", remedy=remedy)
        if response.status == DENIED:
            what, remedy = "the server does not accept the administrator's token", "Nothing was changed. Store one that works."
            raise LoginFailed(what, option=self._kind + ".admin_credential", remedy=remedy)


def quote_path(path: str) -> str:
    """Return a path as an address has it, without slashes around it."""
    return quote(path.strip("/"), safe="/")
