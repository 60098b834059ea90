#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring secrets that other tools keep into a store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: adopt
short_description: Bring secrets that other tools keep into a store
version_added: 0.1.0
description:
  - Reads what Ansible Vault, dotenv, INI and JSON files, or environment variables hold, and stores each value as a credential.
  - A new name is created by compare-and-swap. An equal value is left as it is, so a second run changes nothing. Another value under the
    same name is never replaced, unless O(on_conflict=update) says so.
  - Each value is read back from the store and compared byte for byte.
  - In check mode it writes nothing, and returns the plan, with names, types and what collides. No result holds a value.
  - The files are read on the controller, and stay as they are, unless O(after=replace) writes lookups in the place of the values.
  - One that fails does not hinder the others; the task fails at the end.
options:
  from:
    description:
      - What is read. V(ansible_vault) reads encrypted files and C(!vault) variables with the vault passwords of the run.
      - V(dotenv) needs the Python package C(python-dotenv); V(environment) is the environment of the run.
      - What becomes of the files of other tools is on the page C(docs/reference/adopted-formats.md) of the collection. V(keepass) needs the
        Python package C(pykeepass), V(sops), V(pass) and V(gopass) the programs C(sops) and C(gpg).
    type: str
    required: true
    choices:
      - ansible_vault
      - aws_credentials
      - bitwarden
      - docker_config
      - dotenv
      - environment
      - gopass
      - ini
      - json
      - keepass
      - kubernetes
      - lastpass
      - netrc
      - onepassword
      - pass
      - pgpass
      - sops
      - terraform_state
  path:
    description:
      - The file. With O(from=ansible_vault) it may be a directory, such as C(group_vars) or a whole project. With O(from=pass) and
        O(from=gopass) it is the directory of the store.
      - A relative path begins at the playbook's directory.
    type: path
  options:
    description:
      - Options of the format. V(ansible_vault), V(ini), V(json) and V(sops) have C(nested) and C(separator).
      - With C(nested=join), the default, each value becomes a credential, and C(separator), by default V(/), joins the keys on the way to
        it. With C(nested=fields) each key of the first level becomes a credential, and the values below are its fields.
      - V(keepass), V(pass) and V(gopass) have C(passphrase), C(passphrase_file) and C(passphrase_env). The page of the formats has the
        rest.
    type: dict
    default: {}
  only:
    description:
      - Only the entries with these keys. V(*) and V(?) in them stand for other characters.
      - With O(from=environment) it is required.
    type: list
    elements: str
  prefix:
    description: Text before each key. Without it the name of a credential is the key as it stands.
    type: str
  names:
    description: Names of credentials, by key. O(prefix) is not added to them.
    type: dict
  name_from:
    description:
      - What a key of O(from=ansible_vault) is called. V(place) puts the group, the host or the role that the file belongs to before it,
        else the name of the file.
    type: str
    choices: [key, place]
    default: key
  detect_types:
    description:
      - Whether the type of a credential is worked out from its value. RV(results) shows the type and the reason. A type is taken only
        if it returns the value byte for byte.
      - A connection string becomes a credential of type C(database), whose main value is the password. RV(results) says which C(field) a
        lookup has to name.
    type: bool
    default: true
  on_conflict:
    description: What to do with a name under which the store has another value. V(fail) and V(skip) leave that as it is.
    type: str
    choices: [fail, skip, update]
    default: fail
  after:
    description:
      - V(keep) leaves the files as they are. V(replace) writes lookups in the place of the values of O(from=ansible_vault), once every one
        was verified. Each file is replaced as a whole.
    type: str
    choices: [keep, replace]
    default: keep
  originals:
    description: The credential that keeps the replaced files as they were.
    type: str
    default: adopted/originals
  keep_comments:
    description:
      - Whether the comments of encrypted files are kept when O(after=replace) makes them readable. They may hold secrets. Other files keep
        theirs.
    type: bool
    default: false
  state:
    description:
      - With V(restored) the replaced files at O(path) are written back. One that was changed since is left as it is, and is an error.
    type: str
    choices: [present, restored]
    default: present
  report:
    description:
      - A file for the whole result as JSON, with every credential. It has mode 0600, and no value.
      - An earlier report is replaced. Any other file is refused, and nothing is done.
      - A relative path begins at the directory in which the run was started.
    type: path
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.credential
  - module: nebula.credential.migrate
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
# - name: See what would be adopted from a project
#   nebula.credential.adopt:
#     from: ansible_vault
#     path: group_vars
#     name_from: place
#   check_mode: true
#
# - name: Adopt it, and write lookups in the place of the values
#   nebula.credential.adopt:
#     from: ansible_vault
#     path: group_vars
#     name_from: place
#     after: replace

- name: Write a file as another tool does
  ansible.builtin.copy:
    dest: "{{ playbook_dir }}/shop.env"
    mode: "0600"
    content: |
      API_KEY='{{ lookup("ansible.builtin.password", "/dev/null") }}'
  no_log: true

- name: Adopt it
  nebula.credential.adopt:
    from: dotenv
    path: shop.env
    prefix: shop/
  register: adopted

- name: Adopt it again, which changes nothing
  nebula.credential.adopt:
    from: dotenv
    path: shop.env
    prefix: shop/
  register: again

- name: Check both
  ansible.builtin.assert:
    that:
      - adopted.counts.created == 1
      - not again.changed
"""

RETURN = r"""
store:
  description: The name of the store.
  type: str
  returned: always, if the store is known
  sample: local
configuration_file:
  description: The configuration file that was read to find the store; empty if there is none.
  type: str
  returned: always, if the store is known
  sample: /srv/project/nebula.yml
check:
  description: Whether this is a plan only, so that nothing was written.
  type: bool
  returned: if the files can be read
total:
  description: How many credentials were found.
  type: int
  returned: if the files can be read
counts:
  description:
    - How many credentials were C(created), C(updated), C(unchanged) and C(skipped), and how many C(failed). In check mode what would be.
  type: dict
  returned: if the files can be read
  sample: {created: 40, updated: 0, unchanged: 2, skipped: 0, failed: 1}
results:
  description:
    - Each credential, by its C(name), with the places in which it was found (C(origins)). The C(action) is V(create), V(update), V(nothing)
      (the store has the value), V(skip) (it has another one) or null.
    - C(type) and C(reason) say what it is and why, C(fields) which fields it has, C(older) how many older values. C(verified) says whether
      the value was read from the store and is the same. C(field) is what a lookup has to name to get the value; null for none.
    - One that C(failed) has C(code) and C(msg).
    - There are 1000 at most, the failed ones first, then those that were written. The file O(report) has all.
  type: list
  elements: dict
  returned: if the files can be read
  sample:
    - name: db_pass
      origins: ["/srv/project/group_vars/all.yml, line 3"]
      action: create
      type: opaque
      reason: no form that is known
      fields: [value]
      field: null
      older: 0
      verified: true
      failed: false
truncated:
  description: Whether there are more credentials than RV(results) lists.
  type: bool
  returned: if the files can be read
files:
  description:
    - With O(after=replace) and O(state=restored), each file by its C(path). The C(action) is V(replace), V(restore), V(nothing), for which
      there is a C(reason), or null. One that C(failed) has C(msg).
  type: list
  elements: dict
  returned: with O(after=replace) and O(state=restored)
code:
  description: What went wrong, in one stable word, for example V(duplicate); of several failures that of the first.
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host: refused, because the files are read on the controller."""
    run_sent_module("adopt")


if __name__ == "__main__":
    main()
