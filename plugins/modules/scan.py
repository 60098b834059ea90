#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find stored values that lie about in files and repositories."""

from __future__ import annotations

DOCUMENTATION = r"""
module: scan
short_description: Find stored values that lie about in files, logs and git histories
version_added: 0.1.0
description:
  - Searches files for the secret values of a store. Each value is searched for as it is, in JSON, in base64 (wherever it begins in the
    encoded text, standard and URL-safe), URL-quoted and in hexadecimal.
  - The search takes place in the process that holds the store. Nothing of a value is returned or written; the file, the line, and the name
    of the credential are. A value in the name of a file is covered.
  - Files of any size are searched, binary ones too, and the content of gzip files. Links below O(paths) are not followed.
  - If there is no value to search for, and O(look_alikes) is not set, the task fails with the code V(not_found).
  - The reads are in the audit trail with the operation C(scan), and count as no use.
  - Needs the Python package C(pyahocorasick), for O(look_alikes) also C(detect-secrets), and for O(git) and O(staged) the program C(git).
options:
  paths:
    description:
      - Files and directories of the controller to search. A relative path is one below the directory of the playbook.
      - The directory of the store itself, and the objects of git (see O(git)), are left out, and are listed in C(not_searched).
    type: list
    elements: path
    required: true
  git:
    description:
      - Whether the history of the repositories that O(paths) are in is searched as well. That is every object that a branch, a tag, a
        stash, the reflog or the index reaches, with the messages of commits. Nothing is checked out.
    type: bool
    default: false
  staged:
    description: Search what is staged of O(paths) in their repository, in place of the files. For a hook before a commit.
    type: bool
    default: false
  exclude:
    description:
      - Patterns of what is not searched, as a shell has them, for example C(*.iso) or C(build). One with a slash is compared with the path
        below one of O(paths), or in the repository.
    type: list
    elements: str
  look_alikes:
    description:
      - Whether what merely looks like a secret is found as well, by the rules of detect-secrets. They read about 2000 lines a second.
      - A line with C(pragma) C(allowlist) C(secret) in a comment is no finding. No service is asked.
    type: bool
    default: false
  prefix:
    description: Only the values of credentials whose name begins with it.
    type: str
  older:
    description:
      - Whether older versions that the store keeps are searched for as well, and the values of an open rotation or its grace period.
      - By default they are, except for a store on a network, where each would be a request.
    type: bool
  shortest:
    description:
      - Bytes. Shorter values are not searched for, as every tree has them. The same holds for some common words, for example V(postgres),
        and for values of three different characters at most or of ten digits at most. They are listed in C(left_out).
    type: int
    default: 8
  limit:
    description: The greatest number of findings to return, and of rows in C(not_searched) and C(left_out).
    type: int
    default: 1000
  fail_on:
    description:
      - What fails the task. V(values) are stored values that were found, V(findings) also what looks like a secret.
      - By default neither does, and the play decides by C(total) or C(counts).
    type: str
    choices: [findings, values]
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.preflight
  - module: nebula.credential.credential_rotate
    description: Gives a credential that lay about a new value.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is something to search for
  nebula.credential.credential:
    name: app/db_pass

- name: Fail if one of its values lies about in the directory of the playbook
  nebula.credential.scan:
    paths: [.]
    exclude: ['*.iso', build]
    fail_on: values

- name: List them, and what merely looks like a secret
  nebula.credential.scan:
    paths: [.]
    look_alikes: true
  register: scanned

- name: Check the result
  ansible.builtin.assert:
    that: scanned.counts.value == 0
"""

RETURN = r"""
store:
  description: The name of the store.
  type: str
  returned: always, if the store is known
configuration_file:
  description: The configuration file that was read to find the store; empty if there is none.
  type: str
  returned: always, if the store is known
findings:
  description: What was found, stored values first, O(limit) at most.
  type: list
  elements: dict
  returned: always, if the store can be read
  contains:
    kind:
      description: V(value) for a stored value, V(look_alike) for what looks like a secret.
      type: str
    path:
      description: The file. Of an object of git the path in its repository, empty for the message of a commit or a tag.
      type: str
    object:
      description: The id of the object of git; null for a file.
      type: str
    place:
      description: V(content), or V(name) if the path itself has the value.
      type: str
    line:
      description: The line in which the value begins, from 1; null in a binary file.
      type: int
    offset:
      description: The byte at which the value begins, from 0; of a gzip file in its content.
      type: int
    form:
      description: How it is written there. V(plain), V(json), V(base64), V(url) or V(hex).
      type: str
    name:
      description: The name of the credential.
      type: str
    field:
      description: The field that has the value.
      type: str
    version:
      description: The version that has it.
      type: str
    stage:
      description: V(current), V(pending) or V(previous) (of a rotation), or V(older).
      type: str
    looks_like:
      description: What it looks like, in the words of detect-secrets; null for a stored value.
      type: str
total:
  description: How many findings there are.
  type: int
  returned: always, if the store can be read
truncated:
  description: Whether that is more than were returned.
  type: bool
  returned: always, if the store can be read
counts:
  description: How many findings there are of each kind.
  type: dict
  returned: always, if the store can be read
  sample: {value: 1, look_alike: 0}
scanned:
  description: How many files, objects of git and bytes were searched, and how many links, excluded paths and others were skipped.
  type: dict
  returned: always, if the store can be read
  sample: {files: 812, objects: 0, bytes: 4711000, links: 2, excluded: 1, skipped: 1}
not_searched:
  description: What was not searched, or not all of it, each with C(path) and C(reason).
  type: list
  elements: dict
  returned: always, if the store can be read
credentials:
  description: How many credentials were read.
  type: int
  returned: always, if the store can be read
values:
  description: How many values were searched for.
  type: int
  returned: always, if the store can be read
left_out:
  description: Values that were not searched for, each with the C(name) of its credential, C(field) and C(reason).
  type: list
  elements: dict
  returned: always, if the store can be read
left_out_total:
  description: How many these are.
  type: int
  returned: always, if the store can be read
failures:
  description: By name why a credential could not be read, as C(code) and C(message). The task fails then, with all other results.
  type: dict
  returned: always, if the store can be read
code:
  description: What went wrong, in one stable word. V(exposed) if O(fail_on) says so.
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host: refused, because the values stay on the controller."""
    run_sent_module("scan")


if __name__ == "__main__":
    main()
