# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store that are paths, and those that are secret. A part of a mapping is written `option.part`.

A backend declares its own in `backends/<name>/options.py`, a key source in `crypto/key_sources/options.py`. The options of every store
are listed here: the library's specification of them imports every layer, which a worker does not need. A test compares the two.
"""

from __future__ import annotations

LOCK, SHARED_CACHE = "lock", "shared_cache"
_LOCK_PATHS = ("path", "ca_cert", "client_cert", "client_key", "kubeconfig", "tls_ca", "tls_cert", "tls_key", "unix_socket")
_LOCK_LOGINS = ("api_key_file", "password_file", "username_file")
STORE_PATHS = (
    "audit_path",
    "metrics_path",
    *(LOCK + "." + part for part in (*_LOCK_PATHS, *_LOCK_LOGINS)),
    "fallback_copy.path",
    *(SHARED_CACHE + "." + part for part in ("ca_cert", "username_file", "password_file")),
)
STORE_SECRETS = (LOCK + ".api_key", LOCK + ".password", SHARED_CACHE + ".password")
