# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API server and the login: from a kubeconfig, a pod's service account, or options.

The official client reads certificates, runs login programs and renews logins of identity providers. It is imported only here, which
takes a tenth of a second. Its models and APIs, which take half a second more, are not needed.
"""

from __future__ import annotations

import os
import ssl
import threading
from functools import partial
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import kubeconfig
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.impersonation import (
    impersonation_headers,
    service_account_headers,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.login_program import limit_program
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.options import CLIENT
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.server import check_url
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_login
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    InvalidConfiguration,
    LoginFailed,
    MissingLibrary,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import SECRET_FILE, read_file
from ansible_collections.nebula.credential.plugins.module_utils.network.proxies import check_proxy, proxy_for
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import private_key_path, readable_path

try:
    import kubernetes.config.incluster_config as pod
    from kubernetes import client, config
    from kubernetes.config import kube_config
except ImportError:
    client = None  # type: ignore[assignment]  # a module

INSTALL = "Run: {0}".format(pip_install(CLIENT))
_NAMESPACE_FILE = "namespace"
_OF_TOKENS = ("token", "tokenFile")
_loading = threading.Lock()
"""The client keeps certificates of a kubeconfig in temporary files, and their names in one list for all threads."""

Authorization = Callable[[], Optional[str]]
"""Returns the header `Authorization` for the next request, renewed if that is due; None if there is none."""


class Access(NamedTuple):
    """The server and a login for it.

    Attributes:
        server: the address, without a trailing slash.
        authorization: returns the login for each request.
        impersonation: the headers that name another identity, in order; a name may be repeated.
        tls: the check of the server's certificate, and the client's own certificate.
        server_name: the name in the server's certificate if it differs from the host.
        proxy: the URL of the proxy, or None.
        namespace: the namespace that belongs to the login.
        renewable: whether reading it again may give another login: it comes from files or from a program.
    """

    server: str
    authorization: Authorization
    impersonation: Tuple[Tuple[str, str], ...]
    tls: ssl.SSLContext
    server_name: Optional[str]
    proxy: Optional[str]
    namespace: str
    renewable: bool


class _Login(NamedTuple):
    """The parts of `Access` that depend on where the login comes from."""

    authorization: Authorization
    namespace: str
    impersonation: Tuple[Tuple[str, str], ...] = ()
    proxy: Optional[str] = None
    renewable: bool = True


def load(settings: Mapping[str, Any], warn: Callable[[str], object]) -> Access:
    """Find the server and the login from the options of `options.SERVER`. Reads files, may run a kubeconfig's login program.

    Raises:
        MissingLibrary: the client, or the package for a SOCKS proxy, is not installed.
        InvalidConfiguration: the kubeconfig, its context, its proxy or a certificate cannot be used.
        LoginFailed: the kubeconfig's login program returned no login.
        Timeout: it did not end in time, and was killed.
    """
    if client is None:
        raise MissingLibrary("the Python package kubernetes is not installed", remedy=INSTALL)
    loaded: Any = client.Configuration()
    with _loading:
        try:
            login = _fill(loaded, settings, warn)
            _override(loaded, settings)
            _check(loaded, login, settings, warn)
            tls = _tls(loaded)
        finally:
            # The TLS context holds by now what the client wrote to temporary files, including a key.
            getattr(kube_config, "_cleanup_temp_files", lambda: None)()
    server = str(loaded.host).rstrip("/")
    proxy = proxy_for(server) if login.proxy is None else check_proxy(login.proxy, server, "Check 'proxy-url' in the kubeconfig.")
    namespace = settings.get("namespace") or login.namespace
    headers = _find_identity(login, settings.get("service_account"), namespace)
    _check_impersonation(headers, server, proxy)
    return Access(server, login.authorization, headers, tls, loaded.tls_server_name, proxy, namespace, login.renewable)


def _fill(loaded: Any, settings: Mapping[str, Any], warn: Callable[[str], object]) -> _Login:
    """Set the server and the certificates in the client's configuration. Return the login that belongs to them."""
    if settings.get("host"):
        loaded.host = settings["host"].rstrip("/")
        return _Login(partial(_read_api_key, settings, warn), kubeconfig.DEFAULT_NAMESPACE, renewable=not settings.get("api_key"))
    paths = kubeconfig.find_files(settings.get("kubeconfig"))
    if paths or settings.get("context"):
        return _fill_from_kubeconfig(loaded, kubeconfig.read(paths, settings.get("context")))
    if not os.environ.get(pod.SERVICE_HOST_ENV_NAME):
        raise InvalidConfiguration(
            "there is no kubeconfig, and this is not a pod",
            option="kubeconfig",
            remedy="Name a kubeconfig, or set 'host' and 'api_key'. Checked: 'kubeconfig', KUBECONFIG, {0}.".format(
                kubeconfig.DEFAULT_PLACE
            ),
        )
    return _fill_from_pod(loaded)


def _read_api_key(settings: Mapping[str, Any], warn: Callable[[str], object]) -> Optional[str]:
    token = read_login(settings, "api_key", warn)
    return None if token is None else "Bearer " + token.expose().decode("utf-8").strip()


def _fill_from_kubeconfig(loaded: Any, chosen: kubeconfig.Chosen) -> _Login:
    user = chosen.user
    has_token = any(user.get(key) for key in _OF_TOKENS)
    # A token takes precedence over a login program, as with kubectl.
    left = {key: value for key, value in user.items() if not has_token or key.startswith("client-")}
    if left.get("exec"):
        left["exec"] = limit_program(left["exec"], deadline.remaining())
    _load_certificates_and_login(loaded, chosen.cluster, left, chosen.persist)
    loaded.tls_server_name = chosen.cluster.get("tls-server-name")
    if user and not has_token and not loaded.api_key and not loaded.cert_file:
        # The client continues without a login if the program that provides it fails.
        _check_time()
        raise LoginFailed(
            "the kubeconfig's user has no login",
            option="kubeconfig",
            remedy="If it names a program ('exec'), run that by hand; try: kubectl get secrets.",
        )
    authorization = partial(_bearer, *map(user.get, _OF_TOKENS)) if has_token else partial(_login_of_client, loaded)
    return _Login(authorization, chosen.namespace, impersonation_headers(user), chosen.cluster.get("proxy-url"))


def _load_certificates_and_login(loaded: Any, cluster: Mapping[str, Any], user: Mapping[str, Any], persist: Callable[[], None]) -> None:
    name = "chosen"
    document = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
    }
    try:
        loader: Any = kube_config.KubeConfigLoader  # the client has no types
        loader(config_dict=document, config_base_path="", config_persister=persist).load_and_set(loaded)
    except Exception:  # noqa: BLE001  # any error of the client
        raise InvalidConfiguration("the kubeconfig cannot be used", option="kubeconfig", remedy=kubeconfig.CHECK.format("")) from None


def _login_of_client(loaded: Any) -> Optional[str]:
    """Return the login, renewed by the client if that is due: a login program whose token has expired, or an identity provider."""
    try:
        settings: Dict[str, Any] = loaded.auth_settings()
    except Exception:  # noqa: BLE001  # any error of the client for a program that fails
        _check_time()
        raise LoginFailed("the login could not be renewed", remedy="Check that the kubeconfig and its program work.") from None
    return next((str(setting["value"]) for setting in settings.values() if setting["value"]), None)


def _check_time() -> None:
    """Raise Timeout if the operation's time is over: the login program, which is killed then, has used it up."""
    if deadline.is_over():
        raise deadline.timeout_error(server="the kubeconfig's login program") from None


def _bearer(token: Optional[str], path: Optional[str]) -> str:
    """Return the header for a token. Its file takes precedence, and is read for each request, because others renew it.

    Raises:
        LoginFailed: the file holds none, and there is no other.
    """
    try:
        if path:
            token = read_file(path, SECRET_FILE).decode("utf-8").strip() or token
    except (OSError, UnicodeDecodeError, Damaged):
        pass
    if not token:
        raise LoginFailed("there is no token in {0}".format(path), remedy="Check that this user can read that file.")
    return "Bearer {0}".format(token)


def _fill_from_pod(loaded: Any) -> _Login:
    directory = os.path.dirname(pod.SERVICE_TOKEN_FILENAME)
    try:
        config.load_incluster_config(client_configuration=loaded)  # type: ignore[no-untyped-call]
        content = read_file(os.path.join(directory, _NAMESPACE_FILE), SECRET_FILE)
        namespace = content.decode("utf-8").strip() or kubeconfig.DEFAULT_NAMESPACE
    except (config.ConfigException, OSError, UnicodeDecodeError, Damaged):
        raise InvalidConfiguration(
            "this pod has no service account that can be used",
            option="host",
            remedy="Check that {0} has a token, ca.crt and namespace ('automountServiceAccountToken').".format(directory),
        ) from None
    return _Login(partial(_bearer, None, pod.SERVICE_TOKEN_FILENAME), namespace)


def _override(loaded: Any, settings: Mapping[str, Any]) -> None:
    """Apply the store's own options, which override all others."""
    if settings.get("ca_cert"):
        loaded.ssl_ca_cert = readable_path("ca_cert", settings["ca_cert"])
    if settings.get("client_cert"):
        holder = "client_key" if settings.get("client_key") else "client_cert"
        loaded.cert_file = readable_path("client_cert", settings["client_cert"])
        loaded.key_file = private_key_path(holder, settings[holder])
    if settings.get("tls_server_name"):
        loaded.tls_server_name = settings["tls_server_name"]
    if settings.get("verify") is False:
        loaded.verify_ssl = False


def _check(loaded: Any, login: _Login, settings: Mapping[str, Any], warn: Callable[[str], object]) -> None:
    option = "host" if settings.get("host") else "kubeconfig"
    # Behind a proxy of the kubeconfig, `localhost` is the proxy's machine.
    check_url(loaded.host, option, insecure=bool(settings.get("allow_insecure_transport")), local=login.proxy is None)
    if not loaded.verify_ssl and settings.get("security") == "strict":
        what = "the store is strict, and the kubeconfig has 'insecure-skip-tls-verify'"
        raise InvalidConfiguration(what, option=option, remedy="Remove that, and name the authority ('certificate-authority').")
    if not loaded.verify_ssl:
        said = "'verify: false'" if settings.get("verify") is False else "'insecure-skip-tls-verify' in the kubeconfig"
        warn("{0}: the certificate of {1} is not checked, so others on the network can read every secret.".format(said, loaded.host))


def _find_identity(login: _Login, account: Optional[str], namespace: str) -> Tuple[Tuple[str, str], ...]:
    """Return the headers that name another identity than the login's: that of the kubeconfig, or a service account."""
    if not account:
        return login.impersonation
    if login.impersonation:
        raise InvalidConfiguration(
            "the kubeconfig's user impersonates another identity already", option="service_account", remedy="Remove one of them."
        )
    return service_account_headers(account, namespace, login.authorization())


def _check_impersonation(headers: Tuple[Tuple[str, str], ...], server: str, proxy: Optional[str]) -> None:
    """Refuse what would be sent as another identity: for a request to a proxy itself, urllib3 joins headers of one name."""
    if proxy is not None and server.startswith("http://") and len(dict(headers)) < len(headers):
        raise InvalidConfiguration(
            "several groups cannot be impersonated through a proxy with plain HTTP", option="kubeconfig", remedy="Use https."
        )


def _tls(loaded: Any) -> ssl.SSLContext:
    return build_context(
        Tls(ca_file=loaded.ssl_ca_cert, client_cert=loaded.cert_file, client_key=loaded.key_file, verify=bool(loaded.verify_ssl))
    )
