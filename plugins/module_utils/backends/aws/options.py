# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in AWS. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Spec
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_options import ALIASES, BOTOCORE, ENVIRONMENT, LOGIN
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_options import SPEC as CONNECTION

SECRETS_MANAGER = "secretsmanager"
SERVICE: Spec = {
    "service": {
        "description": "The service that keeps the credentials.",
        "type": "str",
        "default": SECRETS_MANAGER,
        "choices": [SECRETS_MANAGER],
    },
    "prefix": {"description": "What the names in AWS begin with, before a `/`. Empty for none.", "type": "str", "default": "nebula"},
    "kms_key_id": {
        "description": "The KMS key that encrypts new credentials, if it is not the account's own for the service.",
        "type": "str",
        "no_log": False,
    },
    "tags": {"description": "Tags of AWS that every new credential gets, next to its own.", "type": "dict"},
}
"""The options of both services, as well as those of the connection."""
SECRETS: Spec = {
    **OBJECTS,
    "replicas": {
        "description": "Regions to which new credentials are replicated: mappings of `region` and, if wanted, `kms_key_id`.",
        "type": "list",
        "elements": "dict",
    },
    "rotation": {
        "description": "AWS's own rotation of new credentials: `lambda_arn`, and `schedule` or `after_days`.",
        "type": "dict",
    },
    "recovery_window": {
        "description": "Days for which a deleted credential can be restored, 7 to 30.",
        "type": "int",
        "default": 30,
    },
    "batch_get": {
        "description": "Read 20 credentials with one request. It needs a permission of its own.",
        "type": "bool",
        "default": True,
    },
}
"""The options of `service: secretsmanager` alone."""
TRAITS = BackendTraits(
    spec={**CONNECTION, **SERVICE, **SECRETS},
    aliases=ALIASES,
    login=LOGIN,
    environment=ENVIRONMENT,
    environment_prefixes=("AWS_",),
    packages=(BOTOCORE,),
)
