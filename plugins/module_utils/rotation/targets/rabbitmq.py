# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RabbitMQ as a target: a user's password, changed by the management API. The controller sends the requests.

The module `rabbitmq_user` is not used: it puts the password into the arguments of `rabbitmqctl`, or sends it to the API as it is. The
server gets a salted hash, as it keeps one.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any, Dict, List, Mapping, Tuple
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    NotFound,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import controller_requests, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.accounts import (
    AccountTarget,
    build_login_options,
    build_turns_option,
    find_text_flaw,
    read_text,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    OVERLAP_NONE,
    REAPPLY,
    Modules,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option

SINGLE_USER = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=REAPPLY,
    probe="the server accepts a login with the new password, and refuses one with a random wrong one",
    # A request ends after 20 s; the rest allows for a server that stands still with the request in its buffer.
    max_request_life=120,
    apply_limit=60,
    ask_limit=10,
)
_OK, _UNAUTHORIZED, _NOT_FOUND = 200, 401, 404
_CHANGED = (201, 204)
_WRONG_LOGIN = "Login failed"
_NO_MANAGEMENT = "Not management user"
"""The reason for a user without a tag, whose password is right: it may use no page of the API."""
_SALT_BYTES = 4
_SHA256, _SHA512 = "rabbit_password_hashing_sha256", "rabbit_password_hashing_sha512"


class RabbitMQ(AccountTarget):
    """The password of one user, or of two users that take turns."""

    kind = "rabbitmq"
    summary = "V(rabbitmq) changes the password of a RabbitMQ user."
    about = (
        (
            "The management API of RabbitMQ, and whose password changes there. The controller sends the requests, not the task's host. It"
            " needs the Python package C(requests)."
        ),
        "The server gets a salted hash, never the password, except at a login. The user's tags and permissions stay as they are.",
        "A single user has no grace period, because it has one password at a time.",
    )
    options = {
        "url": Option("str", ("The address of the management API, for example C(https://rabbit.example.com:15671).",), required=True),
        "ca_cert": Option(
            "path",
            ("A file of CA certificates that verify the server's certificate, on the controller. Without it, the system's are trusted.",),
        ),
        "client_cert": Option("path", ("A client certificate, on the controller.",)),
        "client_key": Option("path", ("The key of O(rabbitmq.client_cert), on the controller.",), no_log=False),
        "allow_insecure_transport": Option("bool", ("Allow C(http://) to another machine.",), default=False),
        "user": Option("str", ("The user whose password changes. Defaults to the credential's field C(username).",)),
        **build_turns_option("user", "users"),
        **build_login_options("rabbitmq", "user"),
    }
    exclusive = (("admin_password", "admin_credential"), ("user", "usernames"))
    requires = (controller_requests.REQUESTS,)
    own_fields = ()

    def base_traits(self) -> TargetTraits:
        return SINGLE_USER

    def check(self) -> None:
        super().check()
        remedy = "Use https, or write 'allow_insecure_transport: true'."
        controller_requests.check_url("rabbitmq.url", self._options["url"], remedy, allow_plain=self._is_plain_allowed())
        if self._options.get("client_key") and not self._options.get("client_cert"):
            raise InvalidInput("a key has no certificate", option="rabbitmq.client_key", remedy="Give client_cert, or leave it out.")

    def check_account(self, account: str, option: str) -> None:
        """Check that a login can name the user: HTTP divides user and password by a colon (RFC 7617 section 2).

        Raises:
            InvalidInput: it cannot.
        """
        if ":" in account:
            raise InvalidInput("the name of the user '{0}' has a colon".format(account), option=option, remedy="Use the target 'command'.")

    def describe(self) -> Dict[str, Any]:
        return {"url": self._options["url"], **self.describe_accounts()}

    def precheck(self, modules: Modules) -> None:
        """Check that the admin may log in and change users, and that every user exists.

        Raises:
            Unavailable: the server cannot be reached, or refuses the admin login.
            NotFound: a user does not exist.
            AccessDenied: the admin is no administrator.
        """
        for user in self.accounts():
            response = self._read_user(modules, user)
            is_refused = response.status == _UNAUTHORIZED and _reason(response) == _WRONG_LOGIN
            if self.has_own_login() and is_refused:
                return  # An earlier run may have changed the password: the probes show it.
            self._check_response(response, user, is_refused=is_refused)

    def _check_response(self, response: HttpResponse, user: str, *, is_refused: bool) -> None:
        login = self.describe_login(response.host)
        if response.status == _NOT_FOUND and _reason(response):
            what = "RabbitMQ has no user '{0}'".format(user)
            raise NotFound(what, option="rabbitmq.user", remedy="Nothing was changed. Create it first.")
        if is_refused:
            remedy = "Nothing was changed. Check admin_user and admin_password, or admin_credential."
            raise Unavailable("RabbitMQ refuses the admin login ({0})".format(login), option="rabbitmq.admin_user", remedy=remedy)
        if response.status == _UNAUTHORIZED:
            remedy = "Nothing was changed. Give it the tag 'administrator', or name another administrator."
            raise AccessDenied("it is no administrator ({0})".format(login), option="rabbitmq.admin_user", remedy=remedy)
        if response.status != _OK or response.json.get("name") != user:
            what = "there is no management API at {0} (status {1})".format(response.host, response.status)
            remedy = "Nothing was changed. Check the address, and that the plugin rabbitmq_management is on."
            raise Unavailable(what, option="rabbitmq.url", remedy=remedy)

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        user = self.account_of(value)
        try:
            response = self._read_user(modules, user)
        except CredentialError:
            return ""
        if response.status == _NOT_FOUND and _reason(response):
            return "RabbitMQ has no user '{0}'".format(user)
        if response.status == _OK and response.json.get("password_hash") == "":
            return "RabbitMQ refuses the user '{0}' with every password: it has none".format(user)
        return ""

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        user = self.account_of(value)
        try:
            found = self._read_user(modules, user)
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNAVAILABLE
        if found.status != _OK:
            return controller_requests.read_status(modules, found, ())
        # The API replaces all of a user, so what it has is sent back.
        algorithm = _SHA512 if found.json.get("hashing_algorithm") == _SHA512 else _SHA256
        hashed = build_hash(read_text(value.fields, value.primary) or "", algorithm)
        content = {"password_hash": hashed, "hashing_algorithm": algorithm, "tags": _read_tags(found.json)}
        try:
            return controller_requests.read_status(modules, self._send(modules, "PUT", _path(user), self.read_admin(), content), _CHANGED)
        except CredentialError as error:
            return controller_requests.read_failed_change(modules, error)

    def find_flaw(self, value: Value) -> str:
        return find_text_flaw(value, "RabbitMQ")

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        login = (self.account_of(value), read_text(value.fields, value.primary) or "")
        try:
            response = self._send(modules, "GET", "/api/whoami", login)
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNAVAILABLE
        is_unauthorized = response.status == _UNAUTHORIZED
        if (response.status == _OK and response.json.get("name") == login[0]) or (is_unauthorized and _reason(response) == _NO_MANAGEMENT):
            return steps.ACCEPTED
        if is_unauthorized and _reason(response) == _WRONG_LOGIN:
            return steps.REFUSED
        modules.note("the server responded with status {0}, and not whether it accepts the login".format(response.status))
        return steps.UNAVAILABLE

    def _read_user(self, modules: Modules, user: str) -> HttpResponse:
        return self._send(modules, "GET", _path(user), self.read_admin())

    def _send(self, modules: Modules, method: str, path: str, login: Tuple[str, str], content: Any = None) -> HttpResponse:
        tls = Tls(self._options.get("ca_cert"), None, self._options.get("client_cert"), self._options.get("client_key"))
        encoded = base64.b64encode(":".join(login).encode("utf-8")).decode("ascii")
        url = self._options["url"].rstrip("/") + path
        return controller_requests.send(
            modules,
            tls,
            method,
            url,
            allow_plain=self._is_plain_allowed(),
            headers={"Authorization": "Basic " + encoded},
            json=content,
        )

    def _is_plain_allowed(self) -> bool:
        return bool(self._options.get("allow_insecure_transport"))


def build_hash(password: str, algorithm: str) -> str:
    """Return the salted hash of a password, as RabbitMQ keeps it: in base64 the salt and the hash of salt and password."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.sha512 if algorithm == _SHA512 else hashlib.sha256
    return base64.b64encode(salt + digest(salt + password.encode("utf-8")).digest()).decode("ascii")


def _path(user: str) -> str:
    return "/api/users/{0}".format(quote(user, safe=""))


def _reason(response: HttpResponse) -> str:
    return str(response.json.get("reason") or "")


def _read_tags(user: Mapping[str, Any]) -> List[str]:
    """Return a user's tags. Before RabbitMQ 3.9 they are one text."""
    tags = user.get("tags") or []
    return [tag for tag in tags.split(",") if tag] if isinstance(tags, str) else [str(tag) for tag in tags]
