# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens of a Kubernetes service account as a target. The API server makes them; an account has any number at once.

Each token is bound to a Secret of its own (TokenRequest, `boundObjectRef`): the token ends when that Secret is deleted. The Secret holds
nothing; its label carries the id of the rotation.
"""

from __future__ import annotations

import base64
from typing import Any, Dict, Mapping, Optional, Tuple
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    LoginFailed,
    NotFound,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import controller_requests, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    MULTI,
    NATIVE,
    SERVICE,
    Held,
    Made,
    Modules,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.response_content import find_part, find_text, read_time

MOST = 1000
"""More tokens of one account are not looked through."""
TRAITS = TargetTraits(
    overlap=MULTI,
    rollback=NATIVE,
    probe="the API server knows the service account by the new token, and refuses a random wrong one",
    max_request_life=120,  # an API server ends a request after 60 s
    maker=SERVICE,
    slots=MOST,
    marks=True,
    old_accepted_for=10,  # an API server remembers for that long that a token was valid
)
SHORTEST = 600
"""Seconds: Kubernetes makes no token that is valid for less."""
_ROTATION, _ACCOUNT = "nebula.credential/rotation", "nebula.credential/service-account"
_TOKEN_FIELDS = ("token", "api_key", "value", "password")
_SECRET_PREFIX = "nebula-token-"
_REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
_RIGHTS = (("create", "secrets", ""), ("list", "secrets", ""), ("delete", "secrets", ""), ("create", "serviceaccounts", "token"))


class Kubernetes(Target):
    """A token of a service account."""

    kind = "kubernetes"
    summary = "V(kubernetes) has Kubernetes make a token of a service account, and revokes the old one."
    about = (
        "The service account whose token changes, and the API server. The controller sends the requests.",
        (
            "Each token is bound to an empty Secret of its own, and ends when that is deleted. Old and new work until the grace period is"
            " over."
        ),
    )
    options = {
        "url": Option("str", ("The address of the API server, for example C(https://cluster.example.com:6443).",), required=True),
        "ca_cert": Option("path", ("A file of CA certificates that verify the server's certificate, on the controller.",)),
        "namespace": Option("str", ("The namespace of the service account.",), required=True),
        "service_account": Option("str", ("The name of the service account.",), required=True),
        "admin_credential": Option(
            "str",
            (
                (
                    "A credential in the same store with a token that may make tokens of the account, and make, list and delete"
                    " Secrets: its field C(token), C(api_key), C(value) or C(password)."
                ),
            ),
            required=True,
            no_log=False,
            credential=True,
        ),
        "audiences": Option(
            "list",
            ("For whom the token is, if not for the API server. Then it is tried by a TokenReview of the administrator.",),
            elements="str",
        ),
        "lifetime": Option("int", ("Seconds for which a token is valid, at least 600. The cluster may shorten it.",), default=2592000),
        "leave_unbound": Option(
            "bool",
            (
                "Allow a current token that is bound to no Secret. It cannot be revoked, so it works until it ends by itself.",
                "Needed at most once: the tokens that this target has made are bound.",
            ),
            default=False,
        ),
    }
    requires = (controller_requests.REQUESTS,)

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current

    @property
    def traits(self) -> TargetTraits:
        return TRAITS

    def check(self) -> None:
        controller_requests.check_url("kubernetes.url", str(self._options["url"]))
        build_context(Tls(ca_file=self._options.get("ca_cert")))
        if not any(name in self._options["admin_credential"] for name in _TOKEN_FIELDS):
            raise _invalid("admin_credential", "it holds no token", "It has a field 'token', 'api_key', 'value' or 'password'.")
        if self._options["lifetime"] < SHORTEST:
            raise _invalid("lifetime", "it is less than {0}".format(SHORTEST), "Give seconds.")
        if self._find_secret(self._current) is None and not self._options["leave_unbound"]:
            what = "the current token is bound to no Secret, so it cannot be revoked"
            raise _invalid("leave_unbound", what, "Write 'leave_unbound: true' to leave it valid until it ends by itself.")

    def describe(self) -> Dict[str, Any]:
        return {name: self._options[name] for name in ("url", "namespace", "service_account")}

    def precheck(self, modules: Modules) -> None:
        """Check that the account exists, and that the administrator may make and revoke its tokens.

        Raises:
            NotFound: there is no such service account.
            AccessDenied, LoginFailed, Unavailable: as the class says.
        """
        account = self._options["service_account"]
        for verb, resource, part in _RIGHTS:
            wanted = {"namespace": self._options["namespace"], "verb": verb, "resource": resource, "subresource": part}
            body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": wanted}}
            response = self._ask_admin(modules, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body).check_available()
            if response.status == 401:
                remedy = "Nothing was changed. Store a token that is valid."
                raise LoginFailed(
                    "the API server does not accept the administrator's token", option="kubernetes.admin_credential", remedy=remedy
                )
            if response.status == 201 and find_part(response.json, "status.allowed") is not True:
                what = "the administrator may not '{0}' {1} in the namespace '{2}'".format(
                    verb, "/".join(filter(None, (resource, part))), wanted["namespace"]
                )
                raise AccessDenied(
                    what, option="kubernetes.admin_credential", remedy="Nothing was changed. Add it to a Role of the account."
                )
        response = self._ask_admin(modules, "GET", self._account_path).check_available()
        if response.status == 404:
            what = "there is no service account '{0}' in the namespace '{1}'".format(account, self._options["namespace"])
            raise NotFound(what, option="kubernetes.service_account", remedy="Nothing was changed.")

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        return steps.REFUSED

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        """Make the Secret, then the token that is bound to it. If the second fails, the Secret is found by its mark and deleted."""
        name = _SECRET_PREFIX + mark
        labels = {_ROTATION: mark, _ACCOUNT: self._options["service_account"]}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, "type": "Opaque"}
        try:
            response = self._ask_admin(modules, "POST", self._secrets_path, secret)
        except CredentialError as error:
            return Made(controller_requests.read_failed_change(modules, error))
        outcome = controller_requests.read_status(modules, response, (201,))
        if outcome != steps.APPLIED:
            return Made(outcome)
        token = self._request_token(modules, name, find_text(response.json, "metadata.uid"))
        if token is None:
            return Made(steps.UNKNOWN)  # The Secret is there, so it has to be looked for, also if no request for a token left.
        return Made(steps.APPLIED, Value({base.primary: Secret(token)}, {steps.ID: name}, base.primary))

    def _request_token(self, modules: Modules, name: str, uid: Optional[str]) -> Optional[str]:
        """Return a token that is bound to a Secret; None if there was none in the response."""
        bound = {"kind": "Secret", "apiVersion": "v1", "name": name, "uid": uid}
        spec = {"boundObjectRef": bound, "expirationSeconds": self._options["lifetime"], "audiences": self._audiences}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        try:
            response = self._ask_admin(modules, "POST", self._account_path + "/token", request)
        except CredentialError as error:
            modules.note(error.what)
            return None
        is_made = controller_requests.read_status(modules, response, (201,)) == steps.APPLIED
        return find_text(response.json, "status.token") if is_made else None

    def list_held(self, modules: Modules) -> Optional[Dict[str, Held]]:
        selector = quote("{0}={1}".format(_ACCOUNT, self._options["service_account"]), safe="")
        try:
            response = self._ask_admin(modules, "GET", "{0}?labelSelector={1}&limit={2}".format(self._secrets_path, selector, MOST))
        except CredentialError as error:
            modules.note(error.what)
            return None
        items = response.json.get("items")
        if response.status != 200 or not isinstance(items, list) or find_text(response.json, "metadata.continue"):
            modules.note(
                "the API server responded to the list of Secrets with status {0}, or with more than {1}".format(response.status, MOST)
            )
            return None
        return {str(find_text(each, "metadata.name")): _read_held(each) for each in items}

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        try:
            return self._review(modules, value.fields[value.primary])
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNAVAILABLE

    def _review(self, modules: Modules, token: Secret) -> str:
        if not self._audiences:
            response = self._send(modules, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", _REVIEW, token)
            user = find_text(response.json, "status.userInfo.username")
            is_valid, is_refused = response.status == 201, response.status == 401
        else:
            spec = {"token": token.expose().decode("utf-8", "replace"), "audiences": self._audiences}
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
            response = self._ask_admin(modules, "POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)
            user, is_valid = find_text(response.json, "status.user.username"), find_part(response.json, "status.authenticated") is True
            is_refused = response.status == 201 and not is_valid
        wanted = "system:serviceaccount:{0}:{1}".format(self._options["namespace"], self._options["service_account"])
        if is_valid and user == wanted:
            return steps.ACCEPTED
        shown = "a token of another account" if is_valid else "status {0}".format(response.status)
        modules.note("the API server responded to the token with {0}".format(shown) if not is_valid else "it is {0}".format(shown))
        return steps.REFUSED if is_refused else steps.UNAVAILABLE

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        name = self._find_secret(value)
        if name is None:
            modules.note("the old token is bound to no Secret, so it ends by itself")
            return steps.APPLIED if self._options["leave_unbound"] else steps.REFUSED
        try:
            response = self._ask_admin(modules, "DELETE", "{0}/{1}".format(self._secrets_path, quote(name, safe="")))
        except CredentialError as error:
            return controller_requests.read_failed_change(modules, error)
        return controller_requests.read_status(modules, response, (200, 202, 404))

    def _find_secret(self, value: Value) -> Optional[str]:
        """Return the name of the Secret that a value is bound to, if that is one of this namespace; None if there is none.

        The token itself says it. Of a value that is not stored only its identity is known, which others may be able to change in the
        store: it names no Secret but those of this target.
        """
        token, kept = value.fields.get(value.primary), str(value.identity.get(steps.ID, ""))
        claims = {} if token is None else _read_claims(token).get("kubernetes.io")
        name, is_here = find_text(claims, "secret.name"), find_text(claims, "namespace") == self._options["namespace"]
        return (name if is_here else None) or (kept if kept.startswith(_SECRET_PREFIX) else None)

    @property
    def _audiences(self) -> Tuple[str, ...]:
        return tuple(self._options.get("audiences") or ())

    @property
    def _secrets_path(self) -> str:
        return "/api/v1/namespaces/{0}/secrets".format(quote(self._options["namespace"], safe=""))

    @property
    def _account_path(self) -> str:
        names = (quote(self._options[name], safe="") for name in ("namespace", "service_account"))
        return "/api/v1/namespaces/{0}/serviceaccounts/{1}".format(*names)

    def _ask_admin(self, modules: Modules, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> HttpResponse:
        admin = self._options["admin_credential"]
        return self._send(modules, method, path, body, next(admin[name] for name in _TOKEN_FIELDS if name in admin))

    def _send(self, modules: Modules, method: str, path: str, body: Optional[Mapping[str, Any]], token: Secret) -> HttpResponse:
        tls, url = Tls(ca_file=self._options.get("ca_cert")), str(self._options["url"]).rstrip("/") + path
        return controller_requests.send(modules, tls, method, url, json=body, bearer=token)


def _read_claims(token: Secret) -> Dict[str, Any]:
    """Return the claims of a token, whose signature does not matter here; empty if it is no JWT."""
    part = token.expose().split(b".")[1:2]
    try:
        found = read_json(base64.urlsafe_b64decode(part[0] + b"=" * (-len(part[0]) % 4))) if part else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _read_held(item: Any) -> Held:
    labels = find_part(item, "metadata.labels")
    mark = labels.get(_ROTATION) if isinstance(labels, dict) else None
    return Held(str(mark or ""), read_time(find_part(item, "metadata.creationTimestamp")))


def _invalid(option: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="kubernetes." + option, remedy=remedy)
