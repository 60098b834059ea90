# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API server and the login, from the official client: a kubeconfig with all its features, a pod's service account, or options.

The client is imported only here, which takes a tenth of a second. Its models and APIs, which take half a second more,
are not needed.
"""

from __future__ import annotations

import os
import ssl
import threading
from typing import Any, Callable, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.options import CLIENT, KUBECONFIG
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.server import check_url
from ansible_collections.nebula.credential.plugins.module_utils.backends.login_values import read_login
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import pip_install
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, LoginFailed, MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import readable_path

try:
    import kubernetes.config.incluster_config as pod
    from kubernetes import client, config
    from kubernetes.config import kube_config
except ImportError:
    client = None  # type: ignore[assignment]  # a module

INSTALL = "Run: {0}".format(pip_install(CLIENT))
DEFAULT_NAMESPACE = "default"
_DEFAULT_KUBECONFIG = "~/.kube/config"
_NAMESPACE_FILE = "namespace"
_CHECK = "See what is wrong with: kubectl {0}cluster-info."
_loading = threading.Lock()
"""The client keeps certificates of a kubeconfig in temporary files, and their names in one list for all threads."""


class Access(NamedTuple):
    """The server and a login for it.

    Attributes:
        configuration: the client's; `configuration.auth_settings()` returns the login for each request, renewed if that is due.
        tls: the check of the server's certificate, and the client's own certificate.
        namespace: the namespace that belongs to the login.
    """

    configuration: Any
    tls: ssl.SSLContext
    namespace: str


def load(settings: Mapping[str, Any], warn: Callable[[str], object]) -> Access:
    """Find the server and the login from the options of `options.SERVER`. Reads files, may run a kubeconfig's login program.

    Raises:
        MissingLibrary: the client is not installed.
        InvalidConfiguration: the kubeconfig, its context or a certificate cannot be used.
        LoginFailed: the kubeconfig's login program returned no login.
    """
    if client is None:
        raise MissingLibrary("the Python package kubernetes is not installed", remedy=INSTALL)
    loaded: Any = client.Configuration()
    with _loading:
        try:
            namespace = _fill(loaded, settings, warn)
            _override(loaded, settings)
            _check(loaded, settings, warn)
            return Access(loaded, _tls(loaded), settings.get("namespace") or namespace)
        finally:
            # The TLS context holds by now what the client wrote to temporary files, including a key.
            getattr(kube_config, "_cleanup_temp_files", lambda: None)()


def _fill(loaded: Any, settings: Mapping[str, Any], warn: Callable[[str], object]) -> str:
    """Set the server and the login in the client's configuration. Return the namespace that belongs to them."""
    if settings.get("host"):
        loaded.host = settings["host"].rstrip("/")
        token = read_login(settings, "api_key", warn)
        if token is not None:
            loaded.api_key["authorization"] = "Bearer " + token.expose().decode("utf-8").strip()
        return DEFAULT_NAMESPACE
    path = settings.get("kubeconfig") or os.environ.get(KUBECONFIG) or os.path.expanduser(_DEFAULT_KUBECONFIG)
    if settings.get("kubeconfig") or settings.get("context") or any(map(os.path.exists, path.split(os.pathsep))):
        return _fill_from_kubeconfig(loaded, path, settings.get("context"))
    if not os.environ.get(pod.SERVICE_HOST_ENV_NAME):
        raise InvalidConfiguration(
            "there is no kubeconfig, and this is not a pod",
            option="kubeconfig",
            remedy="Name a kubeconfig, or set 'host' and 'api_key'. Checked: 'kubeconfig', KUBECONFIG, {0}.".format(_DEFAULT_KUBECONFIG),
        )
    return _fill_from_pod(loaded)


def _fill_from_kubeconfig(loaded: Any, path: str, context: Optional[str]) -> str:
    option = "context" if context else "kubeconfig"
    try:
        contexts, active = config.list_kube_config_contexts(config_file=path)  # type: ignore[no-untyped-call]
        known = {each["name"]: each["context"] for each in contexts}
        chosen = active["name"] if context is None else context
        if chosen not in known:
            raise InvalidConfiguration(
                "the kubeconfig has no context {0}".format(ascii(chosen)[:80]),
                option="context",
                remedy="It has: {0}.".format(", ".join(sorted(map(str, known))) or "none"),
            )
        config.load_kube_config(config_file=path, context=chosen, client_configuration=loaded)  # type: ignore[no-untyped-call]
        _check_login(loaded, path, known[chosen].get("user"))
    except (InvalidConfiguration, LoginFailed):
        raise
    except Exception:  # noqa: BLE001  # any error of the client or YAML for a wrong file
        argument = "--kubeconfig {0} ".format(path) + ("--context {0} ".format(context) if context else "")
        raise InvalidConfiguration("the kubeconfig cannot be used", option=option, remedy=_CHECK.format(argument)) from None
    return str(known[chosen].get("namespace") or DEFAULT_NAMESPACE)


def _check_login(loaded: Any, path: str, user: Any) -> None:
    """Check that there is a login: the client continues without one if the program that provides it fails."""
    if user and not loaded.api_key and not loaded.cert_file:
        raise LoginFailed(
            "the kubeconfig's user has no login",
            option="kubeconfig",
            remedy="If it names a program ('exec'), run that by hand; try: kubectl --kubeconfig {0} get secrets.".format(path),
        )


def _fill_from_pod(loaded: Any) -> str:
    directory = os.path.dirname(pod.SERVICE_TOKEN_FILENAME)
    try:
        config.load_incluster_config(client_configuration=loaded)  # type: ignore[no-untyped-call]
        with open(os.path.join(directory, _NAMESPACE_FILE), encoding="utf-8") as file:
            return file.read().strip() or DEFAULT_NAMESPACE
    except (config.ConfigException, OSError, UnicodeDecodeError):
        raise InvalidConfiguration(
            "this pod has no service account that can be used",
            option="host",
            remedy="Check that {0} has a token, ca.crt and namespace ('automountServiceAccountToken').".format(directory),
        ) from None


def _override(loaded: Any, settings: Mapping[str, Any]) -> None:
    """Apply the store's own options, which override all others."""
    if settings.get("ca_cert"):
        loaded.ssl_ca_cert = readable_path("ca_cert", settings["ca_cert"])
    if settings.get("client_cert"):
        loaded.cert_file = readable_path("client_cert", settings["client_cert"])
        loaded.key_file = readable_path("client_key", settings["client_key"]) if settings.get("client_key") else loaded.cert_file
    if settings.get("tls_server_name"):
        loaded.tls_server_name = settings["tls_server_name"]
    if settings.get("verify") is False:
        loaded.verify_ssl = False


def _check(loaded: Any, settings: Mapping[str, Any], warn: Callable[[str], object]) -> None:
    check_url(loaded.host, "host" if settings.get("host") else "kubeconfig", insecure=bool(settings.get("allow_insecure_transport")))
    if not loaded.verify_ssl:
        said = "'verify: false'" if settings.get("verify") is False else "'insecure-skip-tls-verify' in the kubeconfig"
        warn("{0}: the server's certificate is not checked, so others on the network can read every secret.".format(said))


def _tls(loaded: Any) -> ssl.SSLContext:
    return build_context(
        Tls(ca_file=loaded.ssl_ca_cert, client_cert=loaded.cert_file, client_key=loaded.key_file, verify=bool(loaded.verify_ssl))
    )
