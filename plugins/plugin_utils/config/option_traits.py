# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store that are paths, and those that are secret. A part of a mapping is written `option.part`.

A backend declares its own in `backends/<name>/options.py`, a key source in `crypto/key_sources/options.py`. The options of every store
are listed here: the library's specification of them imports every layer, which a worker does not need. A test compares the two.
"""

from __future__ import annotations

SHARED_CACHE = "shared_cache"
STORE_PATHS = (
    "audit_path",
    "metrics_path",
    *(SHARED_CACHE + "." + part for part in ("ca_cert", "username_file", "password_file")),
)
STORE_SECRETS = (SHARED_CACHE + ".password",)
