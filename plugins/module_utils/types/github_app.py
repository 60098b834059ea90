# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installation tokens of a GitHub App, made with its private key."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidInput,
    LoginFailed,
    StorageError,
    Unavailable,
    check_packages,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import moment
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network.tokens import is_token
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    Field,
    RefreshAnswer,
    read_texts,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.issued_token import TOKEN, IssuedTokenType
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt import keys
from ansible_collections.nebula.credential.plugins.module_utils.types.service_address import CA_CERT, REQUESTS, check_address, check_ca_cert

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpResponse

API = "https://api.github.com"
VERSION = "2022-11-28"
"""Of GitHub's REST API."""
ALGORITHM = "RS256"
_BACKDATED, _LIFETIME = timedelta(seconds=60), "10m"
"""As GitHub advises: issued a minute ago, for clocks that differ, and valid for ten minutes at most."""
_SKEW = 60.0
"""Seconds by which the clocks may differ before a refusal is put down to that."""
_LEVELS = ("read", "write", "admin")
_APP, _REPOSITORY, _PERMISSION = (
    re.compile(r"[A-Za-z0-9._-]{1,64}\Z"),
    re.compile(r"[\w.-]{1,100}\Z", re.ASCII),
    re.compile(r"[a-z_]{1,64}\Z"),
)


class GithubApp(IssuedTokenType):
    """The private key of an app, and the installation whose tokens are read."""

    name = "github_app"
    description = "the installation tokens of a GitHub App"
    primary = "private_key"
    packages = (keys.JOSERFC, REQUESTS)
    ended_by = "GitHub sets the end of a token."
    fields = (
        Field("private_key", secret=True, required=True, description="The private key of the app, as GitHub gave it (PEM)."),
        Field("app_id", required=True, identifies=True, description="The app's id, or its client id."),
        Field("installation_id", required=True, identifies=True, description="The id of the installation, from its address in GitHub."),
        Field("repositories", description="Names of repositories, with commas in between, that tokens are limited to."),
        Field("permissions", mapping=True, description="The permissions that tokens are limited to."),
        Field("api_url", default=API, description="The address of the API; C(https://HOST/api/v3) of a GitHub Enterprise Server."),
        CA_CERT,
    )

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields.

        Raises:
            InvalidInput: as `CredentialType.validate`; or the key is no private RSA key, or another field does not fit.
            MissingLibrary: a package is not installed.
        """
        complete = super().validate(fields)
        check_packages(self.packages)
        texts = read_texts(complete)
        if not _APP.match(texts["app_id"]):
            self.refuse("app_id", "is no id of an app", "Write the number, or the client id, that the app's settings show.")
        if not (texts["installation_id"].isascii() and texts["installation_id"].isdigit()):
            self.refuse("installation_id", "is not a number", "Take it from the address of the installation's settings.")
        check_address(self, "api_url", texts["api_url"])
        if "ca_cert" in texts:
            check_ca_cert(self, texts["ca_cert"])
        self._read_limits(texts)
        self._read_key(complete)
        return complete

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Get a token from GitHub. One request.

        Raises:
            LoginFailed: GitHub gives this app or installation none.
            Unavailable, Timeout: there was no response, or GitHub accepts no more requests for now.
            StorageError: it is no response of GitHub's API.
        """
        from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
        from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
        from ansible_collections.nebula.credential.plugins.module_utils.types.jwt import issuing

        texts, now = read_texts(fields), datetime.now(timezone.utc)
        claims = {"issuer": texts["app_id"], "algorithm": ALGORITHM, "lifetime": _LIFETIME}
        login = issuing.issue_token(self._read_key(fields), claims, now - _BACKDATED)
        url = "{0}/app/installations/{1}/access_tokens".format(texts["api_url"].rstrip("/"), texts["installation_id"])
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION}
        client = HttpClient(Tls(ca_data=texts.get("ca_cert")))
        try:
            answer = client.request("POST", url, headers=headers, json=self._read_limits(texts), bearer=Secret(login.token))
        finally:
            client.close()
        if answer.check_available().status != 201:
            raise _describe_refusal(answer, now, texts)
        return _read_answer(answer)

    def _read_key(self, fields: Fields) -> keys.SignatureKey:
        try:
            found = keys.read_keys(fields["private_key"].expose())
        except InvalidInput:
            found = []
        if len(found) != 1 or not found[0].is_private or not found[0].takes(ALGORITHM, "sign"):
            self.refuse("private_key", "is not a private RSA key", "Give the PEM file that GitHub made, unchanged.")
        return found[0]

    def _read_limits(self, texts: Mapping[str, str]) -> Dict[str, Any]:
        """Return what a token is limited to, as the content of the request."""
        limits: Dict[str, Any] = {}
        if "repositories" in texts:
            limits["repositories"] = [name.strip() for name in texts["repositories"].split(",")]
            if not all(_REPOSITORY.match(name) for name in limits["repositories"]):
                self.refuse("repositories", "has something that is no name of a repository", "Write names without the owner: 'app,web'.")
        if "permissions" in texts:
            limits["permissions"] = self._read_permissions(texts["permissions"])
        return limits

    def _read_permissions(self, text: str) -> Dict[str, str]:
        try:
            found = read_json(text)
        except ValueError:
            found = None
        if not isinstance(found, dict) or not found or not all(_PERMISSION.match(name) and found[name] in _LEVELS for name in found):
            self.refuse("permissions", "is not a mapping of permissions", "Write for example {contents: read, issues: write}.")
        return found


def _read_answer(answer: HttpResponse) -> RefreshAnswer:
    content = answer.json
    try:
        expires_at = moment(content["expires_at"], "expires_at")
        token = content["token"]
    except (KeyError, InvalidInput):
        token = None
    if not is_token(token):
        raise _build_strange(answer)
    return RefreshAnswer({TOKEN: Secret(token)}, expires_at)


def _build_strange(answer: HttpResponse) -> StorageError:
    what = "the response of {0} (status {1}) is none of GitHub's API".format(answer.host, answer.status)
    return StorageError(what, remedy="Check 'api_url': it is https://HOST/api/v3 for a GitHub Enterprise Server.")


def _describe_refusal(answer: HttpResponse, now: datetime, texts: Mapping[str, str]) -> CredentialError:
    """Return the error for a refusal. GitHub's own text is left out."""
    if answer.status == 401:
        return _describe_denied_login(answer, now)
    if answer.status == 403 and ("retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"):
        error = Unavailable("{0} accepts no more requests of this app for now".format(answer.host), remedy="Run it again later.")
        return error.annotate(throttled=True)
    installation = "the installation {0}".format(texts["installation_id"])
    if answer.status == 403:
        what = "{0} gives no token to {1}".format(answer.host, installation)
        return LoginFailed(what, remedy="Check that the installation is not suspended, and that the organization allows this address.")
    if answer.status == 404:
        what = "{0} does not know {1} of this app".format(answer.host, installation)
        return LoginFailed(what, remedy="Check 'installation_id', 'app_id' and 'api_url', and that the app is still installed.")
    if answer.status == 422:
        what = "{0} lacks a permission or a repository that the credential is limited to".format(installation)
        return LoginFailed(what, remedy="Check 'permissions' and 'repositories', and what the installation was granted.")
    return _build_strange(answer)


def _describe_denied_login(answer: HttpResponse, now: datetime) -> LoginFailed:
    difference = _measure_difference(answer, now)
    if abs(difference) > _SKEW:
        what = "the clock of this machine differs from that of {0} by {1:.0f} s".format(answer.host, abs(difference))
        return LoginFailed(what, remedy="Set the clock: GitHub accepts a difference of about a minute.")
    what = "{0} does not accept the key of this app".format(answer.host)
    return LoginFailed(what, remedy="Check 'app_id', and that its settings list the fingerprint of 'private_key'.")


def _measure_difference(answer: HttpResponse, now: datetime) -> float:
    """Return the seconds by which our clock is ahead of the server's; 0 if the response does not say its time."""
    try:
        there = parsedate_to_datetime(answer.headers["date"])
        return (now - there).total_seconds()
    except (KeyError, TypeError, ValueError):
        return 0.0
