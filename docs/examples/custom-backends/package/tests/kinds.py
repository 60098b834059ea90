# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stores that the conformance suite of the collection runs on: NEBULA_CONFORMANCE_KINDS=kinds:KINDS."""

from nebula_credential_conformance.store_kind import StoreKind, encrypting
from shelf_backend.backend import BACKEND

KINDS = (
    StoreKind("shelf", "shelf", lambda directory: {"directory": str(directory)}, unregistered=BACKEND),
    StoreKind(
        "shelf-encrypted", "shelf", lambda directory: {"directory": str(directory), "encrypt": True}, encrypting, unregistered=BACKEND
    ),
)
