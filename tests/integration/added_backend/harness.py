# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend shelf."""

from __future__ import annotations

from tests.backends.harness import Harness, StoreKind, encrypting

HARNESS = Harness(
    backend="shelf",
    kinds=(
        StoreKind("shelf", "shelf", lambda _directory: {}, persistent=False, plays=False),
        StoreKind("shelf-encrypted", "shelf", lambda _directory: {"encrypt": True}, encrypting, persistent=False, many=False, plays=False),
    ),
    offline=lambda _directory: {},
    mistake=({"material": "paper"}, "material"),
)
