# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options and packages of a store in AWS. Loads no backend."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Spec
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_options import ALIASES, BOTOCORE, CREDENTIALS, ENVIRONMENT, LOGIN
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_options import SPEC as CONNECTION

SECRETS_MANAGER, PARAMETER_STORE = "secretsmanager", "ssm"
STANDARD, ADVANCED = "standard", "advanced"
"""The tiers of a parameter."""
SERVICE: Spec = {
    "service": {
        "description": "The service that keeps the credentials: Secrets Manager, or Systems Manager Parameter Store.",
        "type": "str",
        "default": SECRETS_MANAGER,
        "choices": [SECRETS_MANAGER, PARAMETER_STORE],
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
        "description": "`service: secretsmanager`: regions of the replicas of new credentials: mappings of `region`, maybe `kms_key_id`.",
        "type": "list",
        "elements": "dict",
    },
    "rotation": {
        "description": "`service: secretsmanager`: AWS's own rotation of new credentials: `lambda_arn`, and `schedule` or `after_days`.",
        "type": "dict",
    },
    "recovery_window": {
        "description": "`service: secretsmanager`: days for which a deleted credential can be restored, 7 to 30.",
        "type": "int",
        "default": 30,
    },
    "batch_get": {
        "description": "`service: secretsmanager`: read 20 credentials with one request. It needs a permission of its own.",
        "type": "bool",
        "default": True,
    },
}
"""The options of `service: secretsmanager`, as well as those of both."""
PARAMETERS: Spec = {
    **OBJECTS,
    "tier": {
        "description": "`service: ssm`: `standard` holds 4096 bytes, `advanced` 8192. AWS charges for that, and takes no tier back.",
        "type": "str",
        "default": STANDARD,
        "choices": [STANDARD, ADVANCED],
    },
}
"""The options of `service: ssm`, as well as those of both."""
OF_SERVICE: Mapping[str, Spec] = {SECRETS_MANAGER: SECRETS, PARAMETER_STORE: PARAMETERS}
TRAITS = BackendTraits(
    spec={**CONNECTION, **SERVICE, **SECRETS, **PARAMETERS},
    aliases=ALIASES,
    login=LOGIN,
    environment=ENVIRONMENT,
    environment_prefixes=("AWS_",),
    packages=(BOTOCORE,),
    credentials=tuple(CREDENTIALS.values()),
)
