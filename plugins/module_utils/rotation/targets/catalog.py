# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The targets that a rotation can be driven against, one row each. A host gets none of them: it drives no rotation."""

from __future__ import annotations

from typing import Mapping, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.active_directory import ActiveDirectory
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.aws_iam import AwsIam
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Target
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.certificate import Certificate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.command import Command
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.http import Http
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.kerberos import Kerberos
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.kubernetes import Kubernetes
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.ldap import Ldap
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.linux_user import LinuxUser
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.mongodb import MongoDB
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.mysql import MySQL
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.oauth2_client import OAuth2Client
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql import PostgreSQL
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.rabbitmq import RabbitMQ
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.redis import Redis
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.ssh_key import SshKey
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.vault_approle import VaultAppRole
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.vault_static_role import VaultStaticRole

_KINDS: Tuple[Type[Target], ...] = (
    PostgreSQL,
    MySQL,
    Redis,
    RabbitMQ,
    MongoDB,
    SshKey,
    LinuxUser,
    Certificate,
    Http,
    AwsIam,
    VaultAppRole,
    VaultStaticRole,
    Kubernetes,
    Ldap,
    ActiveDirectory,
    Kerberos,
    OAuth2Client,
    Command,
)
TARGETS: Mapping[str, Type[Target]] = {target.kind: target for target in _KINDS}
"""By kind. `none` is no target: nothing is driven."""
