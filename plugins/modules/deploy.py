#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write credentials to files of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy
short_description: Write credentials to files of a host
version_added: 0.1.0
description:
  - Writes credentials to files of the host, for programs that read their secrets there.
  - The store is opened on the controller. The host gets the values in the module's payload, and only of files that differ; it compares a
    file by a digest with a key that is new in each task.
  - A file is replaced as a whole, so that a reader sees the old file or the new one, also after a crash. No copy of the old one is kept.
  - No result, log or difference holds a value. They name credentials, fields and versions.
options:
  dest:
    description:
      - The file on the host, by its absolute path. Its directory must exist.
      - A symbolic link is refused. In the directories of the path, one is refused that is neither root's nor the user's of the task.
    type: str
  state:
    description:
      - V(present) writes the file unless it is there as described.
      - V(absent) removes it.
    type: str
    choices: [present, absent]
    default: present
  credential:
    description: The credential to write. One of O(credential), O(values) and O(template) says what is in the file.
    type: str
  field:
    description: The field to write, for the formats of one value; by default the primary one, or what the format needs.
    type: str
  fields:
    description: The fields to write, by their names, for the formats of several values; all of them by default.
    type: list
    elements: str
  version:
    description: The version of O(credential) to write, instead of the current one.
    type: str
  values:
    description:
      - The values to write, by their names in the file, for the formats of several values.
      - Each is a text, or a mapping that names a credential, and perhaps its C(field) and C(version).
    type: dict
  template:
    description:
      - A template of the play, found as C(ansible.builtin.template) finds it. It is rendered on the controller, with its lookups.
    type: str
  format:
    description:
      - How the file is written. By default it is V(text), the value or the template as it is.
      - V(dotenv), V(json), V(yaml), V(ini) and V(properties) hold several values. In V(dotenv) they are quoted for a POSIX shell, and
        fields are named in upper case.
      - V(pem) is the key and the certificates of a certificate, or another key in PEM. V(pkcs12) is the key store of a certificate.
      - V(systemd) is a credential of systemd, encrypted on the host for C(LoadCredentialEncrypted=). Its name is that of the file,
        without C(.cred). It needs systemd 250 or later there, and root.
    type: str
    choices: [text, dotenv, json, yaml, ini, properties, pem, pkcs12, systemd]
  section:
    description: The section of the values in the format V(ini), which needs one.
    type: str
  owner:
    description: The file's owner, a name or a number; by default the user of the task, whoever owned the file before.
    type: str
  group:
    description: The file's group, a name or a number; by default that of the task's user.
    type: str
  mode:
    description: The file's mode as text, in octal digits.
    type: raw
    default: '0600'
  validate:
    description:
      - A command that checks the new file before it is put in place. V(%s) stands for the file. It is run without a shell.
      - If it fails, no file of the task is changed. Its output is not shown, because it may quote the file.
    type: str
  files:
    description:
      - Several files, each with the options above. No other option of this module describes a file then.
      - All new files are written and validated before the first one is put in place.
    type: list
    elements: dict
    suboptions:
      dest:
        description:
          - The file on the host, by its absolute path. Its directory must exist.
          - A symbolic link is refused. In the directories of the path, one is refused that is neither root's nor the user's of the task.
        type: str
      state:
        description:
          - V(present) writes the file unless it is there as described.
          - V(absent) removes it.
        type: str
        choices: [present, absent]
        default: present
      credential:
        description:
          - The credential to write.
          - One of O(files[].credential), O(files[].values) and O(files[].template) says what is in the file.
        type: str
      field:
        description: The field to write, for the formats of one value; by default the primary one, or what the format needs.
        type: str
      fields:
        description: The fields to write, by their names, for the formats of several values; all of them by default.
        type: list
        elements: str
      version:
        description: The version of O(files[].credential) to write, instead of the current one.
        type: str
      values:
        description:
          - The values to write, by their names in the file, for the formats of several values.
          - Each is a text, or a mapping that names a credential, and perhaps its C(field) and C(version).
        type: dict
      template:
        description:
          - A template of the play, found as C(ansible.builtin.template) finds it. It is rendered on the controller, with its lookups.
        type: str
      format:
        description:
          - How the file is written. By default it is V(text), the value or the template as it is.
          - V(dotenv), V(json), V(yaml), V(ini) and V(properties) hold several values. In V(dotenv) they are quoted for a POSIX shell, and
            fields are named in upper case.
          - V(pem) is the key and the certificates of a certificate, or another key in PEM. V(pkcs12) is the key store of a certificate.
          - V(systemd) is a credential of systemd, encrypted on the host for C(LoadCredentialEncrypted=). Its name is that of the file,
            without C(.cred). It needs systemd 250 or later there, and root.
        type: str
        choices: [text, dotenv, json, yaml, ini, properties, pem, pkcs12, systemd]
      section:
        description: The section of the values in the format V(ini), which needs one.
        type: str
      owner:
        description: The file's owner, a name or a number; by default the user of the task, whoever owned the file before.
        type: str
      group:
        description: The file's group, a name or a number; by default that of the task's user.
        type: str
      mode:
        description: The file's mode as text, in octal digits.
        type: raw
        default: '0600'
      validate:
        description:
          - A command that checks the new file before it is put in place. V(%s) stands for the file. It is run without a shell.
          - If it fails, no file of the task is changed. Its output is not shown, because it may quote the file.
        type: str
  record:
    description:
      - Whether the store records which files of which hosts hold its credentials, for O(nebula.credential.credential_info#module:deployed)
        and for rotations. The record has no value, and is written once a run.
      - A login that may not write it deploys all the same, and warns that nothing was recorded.
    type: bool
    default: true
extends_documentation_fragment:
  - nebula.credential.store
attributes:
  check_mode:
    support: full
    description: Reads the credentials, compares the files and changes nothing. The host gets no value.
  diff_mode:
    support: full
    description: Names the credentials and their versions, and the attributes of the file. It quotes nothing.
  async:
    support: none
    description: The store is opened by the action plugin on the controller; a task with C(async) is refused.
  action:
    support: full
    description: Has an action plugin, which reads on the controller and sends the module to the host.
seealso:
  - module: nebula.credential.run
  - plugin: nebula.credential.get
    plugin_type: lookup
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is something to write
  nebula.credential.credential:
    name: shop/db
    type: basic
    fields: {username: shop}

- name: Write a password to a file
  nebula.credential.deploy:
    dest: /etc/shop-db-password
    credential: shop/db

- name: Write the environment of a service
  nebula.credential.deploy:
    dest: /etc/shop.env
    format: dotenv
    values:
      PGHOST: db.example.com
      PGUSER: {credential: shop/db, field: username}
      PGPASSWORD: {credential: shop/db}

- name: Write several files, and remove another
  nebula.credential.deploy:
    files:
      - {dest: /etc/shop.json, credential: shop/db, format: json}
      - {dest: /etc/shop.ini, credential: shop/db, format: ini, section: database, mode: '0640'}
      - {dest: /etc/shop.old, state: absent}
"""

RETURN = r"""
files:
  description: What was done with each file, in the order of the task.
  type: list
  elements: dict
  returned: success
  contains:
    dest:
      description: The file.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    changed:
      description: Whether it was changed; in check mode, whether it would be.
      type: bool
    differs:
      description: What was not as described, of V(content), V(owner), V(group) and V(mode).
      type: list
      elements: str
    credentials:
      description: The versions of the credentials in the file, by their names; of a template, those that its lookups have read.
      type: dict
    credentials_before:
      description: Those that were in it before, as noted in an extended attribute of the file; empty if nothing was noted.
      type: dict
  sample:
    - dest: /etc/shop.env
      state: present
      changed: true
      differs: [content]
      credentials: {shop/db: "4"}
      credentials_before: {shop/db: "3"}
store:
  description: The name of the store that was read.
  type: str
  returned: success
configuration_file:
  description: The file that defines the store; null if none does.
  type: str
  returned: success
code:
  description: What went wrong, in one stable word, for example V(access_denied).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.hosts.deployment import run_deploy


def main() -> None:
    """Run on a host, with the work that the action plugin sends."""
    run_deploy()


if __name__ == "__main__":
    main()
