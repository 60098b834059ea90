# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a store's options is a path, and what is secret.

The backends' own specifications say so, too, but importing them all would cost every worker that speaks to the session a quarter of a
second (ansible-core keeps no bytecode of a collection). A test holds this to them.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Tuple


class Options(NamedTuple):
    """Names of options; one within a mapping is written `option.part`."""

    paths: Tuple[str, ...] = ()
    secrets: Tuple[str, ...] = ()


KEY_SOURCES = "key_sources"
AUTH = "auth"

_TLS_FILES = ("ca_cert", "ca_path", "client_cert", "client_key")
_LOGIN_SECRETS = ("auth.token", "auth.secret_id", "auth.jwt", "auth.password", "auth.secret_key", "auth.session_token")

SHARED_CACHE = "shared_cache"

OF_EVERY_STORE = Options(paths=("audit_path", "metrics_path"), secrets=("shared_cache.password",))
OF_A_SHARED_CACHE = Options(paths=("ca_cert",))
OF_A_KEY_SOURCE = Options(paths=("path", "passphrase_file", *_TLS_FILES), secrets=("passphrase", *_LOGIN_SECRETS))
OF_A_LOGIN = Options(paths=("token_file", "secret_id_file", "jwt_file", "jwt_path", "password_file"))

OF_BACKEND: Mapping[str, Options] = {
    "database": Options(paths=("password_file", "tls_ca", "tls_cert", "tls_key"), secrets=("password",)),
    "kubernetes": Options(paths=("ca_cert", "client_cert", "client_key", "kubeconfig"), secrets=("api_key",)),
    "local": Options(paths=("path", "backup_path")),
    "memory": Options(paths=("persist_path",)),
    "vault": Options(paths=_TLS_FILES, secrets=_LOGIN_SECRETS),
}


def of_backend(backend: object) -> Options:
    """The options of a backend; none where there is no such backend, which opening the store tells better."""
    return OF_BACKEND.get(backend, Options()) if isinstance(backend, str) else Options()
