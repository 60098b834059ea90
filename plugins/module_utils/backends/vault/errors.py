# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server's responses, and missing ones, as errors of the library. Never the server's text."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Type

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import MAX_DEPTH
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    Damaged,
    InvalidConfiguration,
    LoginFailed,
    StorageError,
    TooLarge,
    Unavailable,
)

INVALID_TOKEN = "invalid token"
NO_ROUTE = "no handler for route"
NO_NAMESPACE = "namespace not found"
_MISSING_TOKEN = "missing client token"


class Answer(NamedTuple):
    """A response: its status, its parsed JSON (None if it is not a JSON object), the seconds of its `Retry-After`.

    `too_deep` is True if its JSON is not parsed because it is nested too deep.
    """

    status: int
    body: Optional[Mapping[str, Any]]
    retry_after: Optional[float] = None
    too_deep: bool = False

    def says(self, words: str) -> bool:
        """Return True if one of its errors contains these words."""
        errors = (self.body or {}).get("errors")
        return isinstance(errors, list) and any(words in str(error) for error in errors)


class Asked(NamedTuple):
    """A request as errors name it: its method, its path without a query, whether it writes, the capability it needs."""

    method: str
    path: str
    writing: bool
    capability: str


THROTTLED = 429
"""The status of a server that limits the rate of requests."""


class _Meaning(NamedTuple):
    kind: Type[CredentialError]
    what: str
    remedy: str
    may_have_happened: bool = False


_AGAIN = "Retry; see the server's log if it still fails."
_ACTIVE = "Retry, or name the address of the active server in 'url'."
_STATUSES: Mapping[int, _Meaning] = {
    405: _Meaning(StorageError, "the server does not know that operation at {path}", "Check that 'mount' is an engine of the right kind."),
    412: _Meaning(Unavailable, "the server has not yet seen what was written before", _AGAIN),
    413: _Meaning(TooLarge, "the request is too large for the server", "Store less, or raise the server's limit."),
    THROTTLED: _Meaning(Unavailable, "the server limits the rate of requests", "Wait, or raise the rate limit quota of that path."),
    472: _Meaning(Unavailable, "the server is a standby for disaster recovery", _ACTIVE),
    473: _Meaning(Unavailable, "the server is a performance standby", _ACTIVE),
    500: _Meaning(Unavailable, "the server failed", _AGAIN, may_have_happened=True),
    501: _Meaning(StorageError, "the server is not initialised", "Initialise it: 'bao operator init'."),
    502: _Meaning(Unavailable, "a server behind the server failed", _AGAIN, may_have_happened=True),
    503: _Meaning(Unavailable, "the server is not active", _ACTIVE),
    504: _Meaning(Unavailable, "a server behind the server did not answer in time", _AGAIN, may_have_happened=True),
}
_SEALED = _Meaning(Unavailable, "the server is sealed", "Unseal it: 'bao operator unseal' or 'vault operator unseal'.")


_ALSO_OF_PROXIES = (413, THROTTLED)
"""The statuses below 500 whose meaning is the same, whoever sent them."""


def is_answer_of_vault(answer: Answer, *, reading: bool) -> bool:
    """Return True if a Vault or OpenBao server made it, or if it means the same whoever did.

    Its failures are JSON objects with a list `errors` of texts, its other responses have a `request_id`. A proxy in front of it, or a
    server of another kind, may send any other JSON; a 404 of these says nothing about a secret. A read has a body.
    """
    if 300 <= answer.status < 400 or answer.status in _ALSO_OF_PROXIES:
        return True
    if answer.status == 204:
        return not reading
    body = answer.body or {}
    if answer.status < 300:
        return any(isinstance(body.get(key), kind) for key, kind in (("request_id", str), ("data", dict), ("auth", dict)))
    errors = body.get("errors")
    return "request_id" in body or (isinstance(errors, list) and all(isinstance(error, str) for error in errors))


def failure(asked: Asked, answer: Answer) -> CredentialError:
    """Return the error for a response that is neither a success nor a 404."""
    if answer.status == 403:
        return access_denied(asked)
    if answer.status == 400 and answer.says(_MISSING_TOKEN):
        return login_refused("no token was sent")
    meaning = _SEALED if answer.status == 503 and answer.says("sealed") else _STATUSES.get(answer.status)
    if meaning is None:
        return _unforeseen(asked, answer)
    error = meaning.kind(meaning.what.format(path=asked.path), remedy=meaning.remedy)
    unknown = meaning.may_have_happened and asked.writing
    return error.annotate(retry_after=answer.retry_after, outcome_unknown=unknown, throttled=answer.status == THROTTLED)


def unwell(state: Answer, url: str) -> Optional[CredentialError]:
    """Return the error that sys/health reports, or None. It uses a status for each; elsewhere sealed and standby are both 503."""
    body = state.body or {}
    if "sealed" not in body:
        is_refusal = state.status >= 500 or (state.status >= 400 and is_answer_of_vault(state, reading=True))
        return failure(Asked("GET", "sys/health", False, "read"), state) if is_refusal else no_vault(url)
    meaning = _SEALED if body["sealed"] and body.get("initialized") else _STATUSES.get(state.status)
    if state.status == 200 or meaning is None:
        return None
    return meaning.kind(meaning.what, remedy=meaning.remedy)


def _unforeseen(asked: Asked, answer: Answer) -> CredentialError:
    if 300 <= answer.status < 400:
        what, remedy = "the server sent the request to an address that is not followed", "Name the address of the active server in 'url'."
    elif answer.status >= 500:
        unknown = Unavailable("the server failed with status {0}".format(answer.status), remedy=_AGAIN)
        return unknown.annotate(retry_after=answer.retry_after, outcome_unknown=asked.writing)
    else:
        what = "{0} {1} was refused with status {2}".format(asked.method, asked.path, answer.status)
        remedy = "The server's audit log says why."
    return StorageError(what, remedy=remedy)


def no_vault(url: str, *, writing: bool = False) -> StorageError:
    """Return the error for a response that no Vault makes. A proxy may have made it after the server executed the request."""
    error = StorageError(
        "the server at {0} is not Vault or OpenBao (a proxy's error page?)".format(url), remedy="Check 'url', and its path."
    )
    error.annotate(outcome_unknown=writing)
    return error


def too_deep(asked: Asked) -> Damaged:
    """Return the error for data that another tool nested deeper than this collection reads."""
    what = "what is stored at {0} is nested more than {1} deep".format(asked.path, MAX_DEPTH)
    return Damaged(what, remedy="Read it with the tool that wrote it, or have that tool store it less deep.")


def no_namespace(namespace: Optional[str]) -> InvalidConfiguration:
    """Return the error for a namespace that the server does not have. Nothing in it can be called missing."""
    what = "the server has no namespace {0}".format(ascii(namespace))
    return InvalidConfiguration(what, option="namespace", remedy="Name one that it has ('bao namespace list' shows them), or leave it out.")


def access_denied(asked: Asked) -> AccessDenied:
    """Return the error for a denial by policy. It names the path, the capability and the missing line of policy."""
    return AccessDenied(
        "the token may not {0} {1}".format(asked.capability, asked.path),
        remedy='Add to one of its policies: path "{0}" {{ capabilities = ["{1}"] }}.'.format(asked.path, asked.capability),
    )


def login_refused(what: str, remedy: str = "Set a valid token in 'auth', or use a login method that can get a new one.") -> LoginFailed:
    """Return the error for a login that is not valid, or no longer."""
    return LoginFailed(what, remedy=remedy, option="auth")


def unreachable(url: str, reason: str) -> Unavailable:
    """Return the error for a connection that was not established: nothing has happened on the server."""
    what = "the server cannot be reached: {0} ({1})".format(reason, url)
    return Unavailable(what, remedy="Check that the server runs, and that 'url' is correct.")


def cut(url: str, *, outcome_unknown: bool) -> Unavailable:
    """Return the error for a connection that ended before the response was complete."""
    error = Unavailable("the connection ended before the response was complete ({0})".format(url), remedy=_AGAIN)
    error.annotate(outcome_unknown=outcome_unknown)
    return error


def not_trusted(url: str) -> StorageError:
    """Return the error for an untrusted certificate of the server. It is permanent: a retry would change nothing."""
    return StorageError(
        "the server's certificate cannot be verified ({0})".format(url),
        option="ca_cert",
        remedy="Name the CA that signed it in 'ca_cert' (or 'ca_path'), and the name it is made out to in 'tls_server_name' "
        "if that differs from the host of 'url'.",
    )


def speaks_plain(url: str) -> StorageError:
    """Return the error for TLS with a port that does not speak it. It is permanent."""
    what = "the server does not speak TLS at that port ({0})".format(url)
    return StorageError(what, option="url", remedy="Name the port with TLS; or write 'http://' if the server is on this machine.")


def no_tls(url: str) -> StorageError:
    """Return the error for a TLS connection that client and server cannot agree on."""
    return StorageError(
        "client and server cannot agree on TLS ({0})".format(url),
        option="client_cert",
        remedy="Check that the server supports TLS 1.2 or later at that port, and set 'client_cert' and 'client_key' if it requires them.",
    )
