# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of the service that the tests of responses are about."""

from __future__ import annotations

import functools

from ansible_collections.nebula.credential.plugins.module_utils.types.saml.settings import read_settings
from tests.unit.types.saml.forge import ACS, IDP, NOW, SERVICE, SSO, party


def make_fields(**changes):
    """The fields of the service, with a key; a field that is None is left out."""
    trusted = (party("idp"), party("idp-ec", "ec"), party("idp-expired", ends=NOW.replace(year=2025)))
    fields = {
        "entity_id": SERVICE,
        "acs_url": ACS,
        "idp_entity_id": IDP,
        "idp_sso_url": SSO,
        "idp_certificates": "".join(each.certificate_pem for each in trusted),
        "private_key": party("service").pem,
        "certificate": party("service").certificate_pem,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


@functools.lru_cache(maxsize=None)
def settings_with_key():
    """Those of the service."""
    return read_settings(make_fields())


@functools.lru_cache(maxsize=None)
def settings_without_key():
    """Those of the service, if it has no key."""
    return read_settings(make_fields(private_key=None, certificate=None))
