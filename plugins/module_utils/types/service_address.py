# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of a service that makes tokens, and the authority that signs its certificate, as fields of a credential."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, Package
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import find_address_problem
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field

REQUESTS = Package("requests >= 2.31", "requests")
CA_CERT = Field("ca_cert", description="The authority that signs the service's certificate, as PEM text, if it is one of your own.")


def check_address(kind: CredentialType, field: str, text: str) -> None:
    """Check a field that is the address of a service: https, or http to this machine.

    Raises:
        InvalidInput: it is none. The message names the field.
    """
    problem = find_address_problem(text)
    if problem is not None:
        kind.refuse(field, problem.what, problem.remedy)


def check_ca_cert(kind: CredentialType, text: str) -> None:
    """Check the field `ca_cert`.

    Raises:
        InvalidInput: it holds no certificate.
    """
    try:
        build_context(Tls(ca_data=text))
    except InvalidConfiguration:
        kind.refuse(CA_CERT.name, "holds no certificate", "Give the PEM text, for example with lookup('ansible.builtin.file', …).")
