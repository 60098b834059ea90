# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer of the API server means in the library's own words (never in the server's)."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Optional, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    LoginFailed,
    StorageError,
    StorageFull,
    TooLarge,
    Unavailable,
)

ROLE = "docs/policies/kubernetes-role.yaml"
WRITING = ("create", "update", "delete")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9.\[\]/_-]{0,99}\Z")


class Asked(NamedTuple):
    """A request, as RBAC and errors name it: the verb, the resource (in the plural), the namespace, and the object if it is one."""

    verb: str
    resource: str
    namespace: str
    name: str = ""

    @property
    def writing(self) -> bool:
        """Whether it changes anything."""
        return self.verb in WRITING and self.resource == "secrets"


class Answer(NamedTuple):
    """A response: its status, its JSON (`{}` where it is none), the seconds it asks to wait."""

    status: int
    body: Mapping[str, Any]
    retry_after: Optional[float] = None

    @property
    def details(self) -> Mapping[str, Any]:
        """What a `Status` object says of a failure beside its text."""
        found = self.body.get("details")
        return found if isinstance(found, dict) else {}

    def has_cause(self, reason: str) -> bool:
        """Whether the failure has a cause of that reason."""
        return any(isinstance(cause, dict) and cause.get("reason") == reason for cause in self.details.get("causes") or ())

    def says(self, words: str) -> bool:
        """Whether the server's text holds these words. It is looked at, and never shown."""
        return words in str(self.body.get("message", ""))


class _Meaning(NamedTuple):
    kind: Type[CredentialError]
    what: str
    remedy: str
    may_have_happened: bool = False


_AGAIN = "Repeat it; see the logs of kube-apiserver and etcd when it stays so."
_STATUSES: Mapping[int, _Meaning] = {
    413: _Meaning(TooLarge, "the API server does not take a request as large as that", "Store less."),
    429: _Meaning(Unavailable, "the API server asks for fewer requests", "Wait, or give this login a priority level of its own."),
    500: _Meaning(Unavailable, "the API server failed", _AGAIN, may_have_happened=True),
    502: _Meaning(Unavailable, "a server between here and the API server failed", _AGAIN, may_have_happened=True),
    503: _Meaning(Unavailable, "the API server is not ready", _AGAIN),
    504: _Meaning(Unavailable, "the API server had no answer of its own in time", _AGAIN, may_have_happened=True),
}


def failure(asked: Asked, answer: Answer) -> CredentialError:
    """The error for an answer that is neither a success nor one that the caller has a use for."""
    if answer.status == 401 or answer.says('User "system:anonymous"'):
        return login_refused()
    if answer.status == 403:
        return _forbidden(asked, answer)
    if answer.status == 404 and answer.details.get("kind") == "namespaces":
        return _no_namespace(asked.namespace, "does not exist", "Make it: kubectl create namespace {0}.".format(asked.namespace))
    if answer.status == 422:
        return _invalid(answer)
    meaning = _STATUSES.get(answer.status)
    if meaning is None:
        return _unforeseen(asked, answer)
    error = meaning.kind(meaning.what, remedy=meaning.remedy)
    return error.happened(retry_after=answer.retry_after, outcome_unknown=meaning.may_have_happened and asked.writing)


def _unforeseen(asked: Asked, answer: Answer) -> CredentialError:
    if answer.status >= 500:
        unknown = Unavailable("the API server failed with status {0}".format(answer.status), remedy=_AGAIN)
        return unknown.happened(retry_after=answer.retry_after, outcome_unknown=asked.writing)
    if 300 <= answer.status < 400:
        return StorageError(
            "the server sent the request to an address that is not followed", remedy="Name the API server's own address as the host."
        )
    what = "the verb '{0}' on {1} was refused with status {2}".format(asked.verb, asked.resource, answer.status)
    return StorageError(what, remedy="The audit log of the API server says why.")


def _forbidden(asked: Asked, answer: Answer) -> CredentialError:
    """RBAC says no, unless it is one of the other things that Kubernetes says with the same status."""
    if answer.has_cause("NamespaceTerminating"):
        return _no_namespace(asked.namespace, "is being deleted", "Wait until it is gone and make it anew, or use another.")
    if answer.says("exceeded quota"):
        return StorageFull("the quota of the namespace '{0}' is used up".format(asked.namespace), remedy="Raise its ResourceQuota.")
    if answer.status == 403 and not answer.says(" cannot "):
        return AccessDenied(
            "an admission rule of the cluster refuses to {0} {1} in the namespace '{2}'".format(
                asked.verb, asked.resource, asked.namespace
            ),
            remedy="Ask whoever keeps the cluster's admission rules; its audit log names the one.",
        )
    return denied(asked)


def denied(asked: Asked) -> AccessDenied:
    """The error for a login that RBAC does not let do that: it names the verb, the resource, the namespace and a Role."""
    return AccessDenied(
        "this login may not '{0}' {1} in the namespace '{2}'".format(asked.verb, asked.resource, asked.namespace),
        remedy="Bind it to a Role with that verb: {0} in the collection has one; or run: "
        "kubectl --namespace {1} create role nebula-credential --verb={2} --resource={3}, and bind that.".format(
            ROLE, asked.namespace, asked.verb, asked.resource
        ),
    )


def login_refused() -> LoginFailed:
    """The error for a login that does not count, or no longer."""
    return LoginFailed(
        "the API server does not accept the login", remedy="Renew the token or certificate of the kubeconfig, or 'api_key', and repeat."
    )


def _no_namespace(namespace: str, what: str, remedy: str) -> StorageError:
    return StorageError("the namespace '{0}' {1}".format(namespace, what), option="namespace", remedy=remedy)


def _invalid(answer: Answer) -> InvalidInput:
    """Fields are named, with what looks like a path of one alone: a cause's text may quote a value."""
    causes = answer.details.get("causes") or ()
    fields = [str(cause["field"]) for cause in causes if isinstance(cause, dict) and _FIELD.match(str(cause.get("field", "")))]
    named = " ({0})".format(", ".join(sorted(set(fields)))) if fields else ""
    return InvalidInput(
        "Kubernetes does not take a Secret like this{0}".format(named), remedy="Change those fields; see docs/backends/kubernetes.md."
    )


def unreachable(reason: str) -> Unavailable:
    """The error for a connection that did not come about: nothing has happened on the server."""
    return Unavailable("the API server cannot be reached: {0}".format(reason), remedy="See that it runs, and that its address is right.")


def cut(*, outcome_unknown: bool) -> Unavailable:
    """The error for a connection that ended before the answer was whole."""
    error = Unavailable("the connection to the API server ended before the answer came", remedy=_AGAIN)
    error.happened(outcome_unknown=outcome_unknown)
    return error


def not_trusted() -> StorageError:
    """The error for a certificate of the server that is not believed. Not passing: repeating would change nothing."""
    return StorageError(
        "the API server's certificate cannot be verified",
        option="ca_cert",
        remedy="Name the CA that signed it in 'ca_cert' or in the kubeconfig, and the name it is made out to in 'tls_server_name' "
        "where that is not the host.",
    )


def no_tls() -> StorageError:
    """The error for a TLS connection that the two sides cannot agree on."""
    return StorageError(
        "the two sides do not agree on TLS", option="client_cert", remedy="See that the server speaks TLS 1.2 or later at that port."
    )


def no_kubernetes() -> StorageError:
    """The error for an answer that no API server makes."""
    return StorageError(
        "what answers there is no Kubernetes API server", remedy="See that the host leads to one, not to a proxy's own page."
    )
