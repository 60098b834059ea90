# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login methods, through hvac. `auth_options` lists their options."""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.auth_options import Auth, read_login_file
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import AZURE_IDENTITY, GOOGLE_AUTH
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, MissingLibrary, Unavailable, pip_install

SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
GOOGLE_LIFE = 600
"""Seconds for which a token that is signed here is valid. Vault takes at most 900 unless a role says otherwise."""
AZURE_RESOURCE = "https://management.azure.com/"


def _approle(client: Any, auth: Auth) -> Any:
    secret_id = auth.text("secret_id")
    if auth.given.get("secret_id_wrapped"):
        secret_id = _unwrap(client, secret_id)
    return client.auth.approle.login(auth.text("role_id"), secret_id, use_token=False, mount_point=auth.mount)


def _unwrap(client: Any, wrapping_token: Optional[str]) -> str:
    """Return the secret_id for a wrapping token. It can be unwrapped once: if unwrapping fails, someone else may have done it."""
    answer = client.adapter.post("/v1/sys/wrapping/unwrap", headers={"X-Vault-Token": wrapping_token}, json={})
    body = answer.json() if answer.ok else {}
    found = (body.get("data") or {}).get("secret_id")
    if not isinstance(found, str):
        raise LoginFailed(
            "the wrapped secret_id cannot be unwrapped",
            option="auth",
            remedy="It works once and expires soon. If none of your processes has used it, someone else has: revoke it. Then wrap another.",
        )
    return found


def _kubernetes(client: Any, auth: Auth) -> Any:
    token = read_login_file(auth.text("jwt_path") or SERVICE_ACCOUNT_TOKEN, "jwt_path")
    return client.auth.kubernetes.login(auth.text("role"), token, use_token=False, mount_point=auth.mount)


def _aws(client: Any, auth: Auth) -> Any:
    access_key, secret_key, session_token = _aws_credentials(auth)
    return client.auth.aws.iam_login(
        access_key,
        secret_key,
        session_token,
        header_value=auth.text("header_value"),
        role=auth.text("role"),
        use_token=False,
        region=auth.text("region") or "us-east-1",
        mount_point=auth.mount,
    )


def _aws_credentials(auth: Auth) -> Tuple[Optional[str], Optional[str], Optional[str]]:
    """Return the configured keys, else those of AWS's own chain (environment, profile, container, instance)."""
    if auth.text("access_key"):
        return auth.text("access_key"), auth.text("secret_key"), auth.text("session_token")
    from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_session import read_default_keys

    try:
        found = read_default_keys()
    except LoginFailed:
        found = None  # The same error as without credentials: only AWS knows more.
    if found is not None:
        return found.access_key, found.secret_key, found.token
    raise LoginFailed("AWS has no credentials here", option="auth", remedy="Give this process an identity of AWS, or 'access_key'.")


def _azure(client: Any, auth: Auth) -> Any:
    token = auth.text("jwt") or _azure_token(auth)
    names = ("subscription_id", "resource_group_name", "vm_name", "vmss_name")
    where = {name: auth.text(name) for name in names}
    return client.auth.azure.login(auth.text("role"), token, **where, use_token=False, mount_point=auth.mount)


def _azure_token(auth: Auth) -> str:
    """Return a token of the machine's managed identity."""
    try:
        from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError
        from azure.identity import ManagedIdentityCredential
    except ImportError:
        raise MissingLibrary(
            "the Python package azure-identity is not installed", remedy="Run: {0}".format(pip_install(AZURE_IDENTITY))
        ) from None
    # Unchanged: the server compares it with the token's audience, including a trailing slash.
    scope = (auth.text("resource") or AZURE_RESOURCE) + "/.default"
    left = deadline.remaining()
    try:
        identity = ManagedIdentityCredential(client_id=auth.text("client_id"), connection_timeout=left, read_timeout=left, retry_total=0)
        token: str = identity.get_token(scope).token
    except (ServiceRequestError, ServiceResponseError):
        raise Unavailable("Azure's identity endpoint does not answer", remedy="Retry, or set 'jwt' or 'jwt_file'.") from None
    except AzureError:
        raise LoginFailed(
            "Azure has no token for this machine", option="auth", remedy="Give this machine a managed identity, or 'jwt' or 'jwt_file'."
        ) from None
    return token


def _jwt(client: Any, auth: Auth) -> Any:
    return client.auth.jwt.jwt_login(auth.text("role"), auth.text("jwt"), use_token=False, path=auth.mount)


def _password(client: Any, auth: Auth) -> Any:
    """Log in with a user name and a password. hvac has a class for each method that takes them, of the method's name."""
    methods = getattr(client.auth, auth.method)
    return methods.login(auth.text("username"), auth.text("password"), use_token=False, mount_point=auth.mount)


def _gcp(client: Any, auth: Auth) -> Any:
    token = auth.text("jwt") or _sign_google_token(auth)
    return client.auth.gcp.login(auth.text("role"), token, use_token=False, mount_point=auth.mount)


def _sign_google_token(auth: Auth) -> str:
    """Return a token for this role: signed with the key of a service account, else that of the machine's own account."""
    try:
        from google.auth.exceptions import GoogleAuthError
    except ImportError:
        raise MissingLibrary(
            "the Python package google-auth is not installed", remedy="Run: {0}".format(pip_install(GOOGLE_AUTH))
        ) from None
    audience, path = "vault/{0}".format(auth.text("role")), auth.text("credentials_file")
    try:
        return _sign_as_account(read_login_file(path, "credentials_file"), audience) if path else _request_of_machine("http://" + audience)
    except (GoogleAuthError, ValueError, KeyError, TypeError):
        what = "the key of the service account cannot be used" if path else "Google has no token for this machine"
        remedy = "Give 'credentials_file' as Google wrote it, 'jwt' or 'jwt_file', or run on a machine with a service account."
        raise LoginFailed(what, option="auth", remedy=remedy) from None


def _sign_as_account(key: str, audience: str) -> str:
    import google.auth.crypt as signing
    from google.auth import jwt

    found: Mapping[str, Any] = json.loads(key)
    encode: Any = jwt.encode
    signer: Any = signing.RSASigner
    claims = {"sub": found["client_email"], "aud": audience, "iat": int(time.time()), "exp": int(time.time()) + GOOGLE_LIFE}
    signed: bytes = encode(signer.from_service_account_info(found), claims)
    return signed.decode("ascii")


def _request_of_machine(audience: str) -> str:
    from google.auth import compute_engine

    from ansible_collections.nebula.credential.plugins.module_utils.logins.google import Requests
    from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

    requests = Requests(Tls())
    try:
        identity: Any = compute_engine.IDTokenCredentials
        credentials = identity(requests, audience, use_metadata_identity_endpoint=True)
        credentials.refresh(requests)
        return str(credentials.token)
    finally:
        requests.close()


def _cert(client: Any, auth: Auth) -> Any:
    """Log in with the connection's own certificate. hvac's method for this would read files, and refuses `verify: false`."""
    role = auth.text("role")
    return client.adapter.login("/v1/auth/{0}/login".format(auth.mount), use_token=False, json={"name": role} if role else {})


LOGINS: Mapping[str, Callable[[Any, Auth], Any]] = {
    "approle": _approle,
    "kubernetes": _kubernetes,
    "aws": _aws,
    "azure": _azure,
    "jwt": _jwt,
    "userpass": _password,
    "cert": _cert,
    "ldap": _password,
    "gcp": _gcp,
}
"""The functions that log in, by method. Each takes a `hvac.Client` and the checked `auth`, and returns a `requests.Response`."""
