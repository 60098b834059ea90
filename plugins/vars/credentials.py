# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables whose values are credentials, from files beside group_vars and host_vars."""

from __future__ import annotations

DOCUMENTATION = r"""
name: credentials
short_description: Variables that name credentials
version_added: 0.1.0
description:
  - Reads C(group_vars/web.credentials), C(host_vars/web1.credentials) and every C(*.credentials) in the directories C(group_vars/web) and
    C(host_vars/web1), next to the inventory and next to the playbook.
  - Such a file has one variable a line, with the name of its credential, or a mapping of C(name) and options of
    P(nebula.credential.get#lookup). The name and the options may have templates.
  - The value of such a variable is a template with the lookup. So a credential is read when the variable is used, and not before.
  - The files have no other ending, because Ansible itself would load C(*.yml), and files without an ending, as plain variables.
requirements:
  - Enable it with C(vars_plugins_enabled = host_group_vars, nebula.credential.credentials) in section C([defaults]) of C(ansible.cfg).
    Without that, Ansible ignores the files. So the first line of each file should say it.
options:
  stage:
    ini:
      - key: stage
        section: vars_nebula_credential
    env:
      - name: ANSIBLE_VARS_PLUGIN_STAGE
extends_documentation_fragment:
  - vars_plugin_staging
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
# group_vars/web.credentials
#
#   # Needs in ansible.cfg: vars_plugins_enabled = host_group_vars, nebula.credential.credentials
#   db_password: shop/db_pass
#   ansible_become_password: hosts/{{ inventory_hostname }}/root
#   db_user: {name: shop/db_pass, field: username}
"""

import os
from functools import lru_cache
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.vars import BaseVarsPlugin
from ansible.template import trust_as_template
from ansible.utils.path import basedir

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.plugin_utils.config.credential_files import (
    OF_GROUPS,
    OF_HOSTS,
    find_credential_files,
    read_credential_file,
)

DIRECTORIES = {"Host": OF_HOSTS, "Group": OF_GROUPS}


class VarsModule(BaseVarsPlugin):
    """Give the variables of the files as templates."""

    is_stateless = True

    def get_vars(self, loader: Any, path: str, entities: Any, cache: bool = True) -> dict[str, Any]:
        """Return the variables of hosts or groups, from the files below the directory of an inventory or playbook."""
        found: dict[str, Any] = {}
        for entity in entities if isinstance(entities, list) else [entities]:
            folder = DIRECTORIES.get(type(entity).__name__)
            # A name that a service gives to a host must not lead to the files of others, or through all of a machine.
            if folder is not None and not {"", os.curdir, os.pardir}.intersection(entity.name.split(os.path.sep)):
                found.update(self._read(os.path.join(os.path.realpath(basedir(path)), folder), entity.name))
        return found

    def _read(self, directory: str, name: str) -> dict[str, Any]:
        variables: dict[str, Any] = {}
        try:
            for file in find_credential_files(directory, name):
                variables.update(_read_templates(file, _identify(file)))
        except CredentialError as error:
            raise AnsibleParserError(str(error)) from None
        return variables


def _identify(path: str) -> tuple[int, ...]:
    """Return what is another one after a file has changed; nothing for one that is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=1024)
def _read_templates(path: str, _identity: tuple[int, ...]) -> dict[str, Any]:
    """Return the variables of a file. Ansible wants those of a host several times in each task, so a file is read once."""
    return {variable: trust_as_template(template) for variable, template in read_credential_file(path).items()}
