# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""User name and password (C2)."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field


class Basic(CredentialType):
    """A password and its user name."""

    name = "basic"
    description = "a user name and a password"
    primary = "password"
    fields = (
        Field("password", secret=True, required=True, description="The password."),
        Field("username", description="The user of the password."),
    )
