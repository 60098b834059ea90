#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Search a store's audit trail, check it and export it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_info
short_description: Search a store's audit trail, check its chain, and export it
version_added: 0.1.0
description:
  - Returns entries of the audit trail of a store, which records who read and wrote which credential, when, and with what result. An
    entry never has a value.
  - Checks that no entry was changed, removed or inserted, and returns where the chain of the entries breaks.
  - Exports what it has found as lines of JSON, as CSV or as PDF.
  - Each filter takes several texts, of which one must match. C(*), C(?) and C([…]) stand for any characters, one character, and one of
    these characters. An entry must match all filters that are given.
  - It reads the files of the trail, so who may read them sees the names of all credentials in it, whatever their scope.
options:
  names:
    description: Names of credentials, for example V(app/*). The C(name) of a list is its prefix.
    type: list
    elements: str
  actions:
    description: Actions, for example V(read), V(write), V(delete), V(rotate).
    type: list
    elements: str
  operations:
    description: Names of lookups and modules, for example V(get) or V(credential_rotate).
    type: list
    elements: str
  results:
    description: Results. V(ok), or the code of an error.
    type: list
    elements: str
  violations:
    description: With V(true), only violations, for example refused reads and values that were tampered with. With V(false), only others.
    type: bool
  users:
    description: Users. An entry matches by the user that the play or AWX asserts, by the login name or by the user id.
    type: list
    elements: str
  hosts:
    description: Hosts of plays.
    type: list
    elements: str
  last:
    description:
      - Only entries of this time up to now, for example V(30d) or V(12h). A number without a unit is refused.
      - It cannot be used with O(since).
    type: str
  since:
    description: Only entries at or after this time (ISO 8601 with an offset).
    type: str
  until:
    description: Only entries before this time (ISO 8601 with an offset).
    type: str
  source:
    description:
      - Where entries are read. V(file) is the trail that this controller has written, which can be verified.
      - V(table) is the table of a store whose backend is C(database). It has the entries of all controllers, and is not chained.
        The login needs the right to read it.
    type: str
    choices: [file, table]
    default: file
  limit:
    description: The greatest number of entries in RV(entries), from 0 to 10000. The newest ones are returned. An export has all.
    type: int
    default: 1000
  verify:
    description: Whether the chain is checked, from the first entry that is left to the last, whatever the filters.
    type: bool
    default: true
  dest:
    description:
      - The file to export all entries to that match. Its directory must exist. It gets mode 0600, and appears when it is complete.
      - An earlier export of the same format is replaced. Any other file is refused without O(overwrite), and a file of the trail always.
    type: path
  format:
    description:
      - The format of the file. By default the ending of its name decides, C(.json) and C(.jsonl), C(.csv) or C(.pdf).
      - V(json) is a JSON object a line, with the members of the trail.
      - V(csv) has a column for each member. An apostrophe is put before a cell that a spreadsheet would take for a formula,
        and what would control a terminal is escaped.
      - V(pdf) is a table to read and to print, of 50,000 entries at most. It needs the Python package C(reportlab).
    type: str
    choices: [json, csv, pdf]
  overwrite:
    description: Whether O(dest) may replace a file that is no export.
    type: bool
    default: false
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.store_purge
    description: Removes old entries.
  - module: nebula.credential.credential_info
    description: Returns how often credentials are used, according to the trail.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is a credential
  nebula.credential.credential:
    name: app/db_pass

- name: See who used the credentials of the application in the last 30 days
  nebula.credential.audit_info:
    names: [app/*]
    last: 30d
  register: seen

- name: Fail if the trail was changed, or somebody was refused
  ansible.builtin.assert:
    that:
      - seen.verification.status == 'verified'
      - seen.entries | selectattr('violation', 'defined') | length == 0

- name: Export all changes for a spreadsheet
  nebula.credential.audit_info:
    actions: [write, patch, delete, rotate, restore]
    dest: /tmp/changes.csv
    limit: 0
"""

RETURN = r"""
store:
  description: The name of the store.
  type: str
  returned: always, if the store is known
  sample: prod
configuration_file:
  description: The configuration file that was read to find the store; empty if there is none.
  type: str
  returned: always, if the store is known
  sample: /srv/project/nebula.yml
path:
  description: The file of the trail that is written to; null with O(source=table).
  type: str
  returned: success
  sample: /home/me/.nebula/credentials/.nebula/audit.jsonl
entries:
  description: The newest entries that match, O(limit) at most, the oldest of them first. What is not known of an entry is left out.
  type: list
  elements: dict
  returned: success
  sample:
    - time: "2026-11-22T04:03:23.735651Z"
      action: read
      result: ok
      store: prod
      name: app/db_pass
      version: "1"
      operation: get
      username: deploy
      host: web1
total:
  description: How many entries match.
  type: int
  returned: success
truncated:
  description: Whether more entries match than RV(entries) has.
  type: bool
  returned: success
verification:
  description: The result of the check of the chain; null without O(verify).
  type: dict
  returned: success
  contains:
    status:
      description:
        - V(verified) if no entry was changed, removed or inserted.
        - V(broken) if RV(verification.findings) says where one was.
        - V(unverifiable) if the check could not be made, or not for all entries. RV(verification.reason) says why.
      type: str
    keyed:
      description: Whether the chain has the store's key. Without one, who can write the file can also write a new chain.
      type: bool
    code:
      description:
        - Why it is unverifiable, in one stable word. The code of the error by which the key of the chain cannot be read, V(no_key),
          V(other_key), V(mark_unreadable), or V(no_chain) with O(source=table).
      type: str
    reason:
      description: The same for a person.
      type: str
    entries:
      description: How many lines were checked.
      type: int
    findings:
      description:
        - The first 100 faults, each with its C(kind), its C(line) in the C(file) (null for the file that is written to), and the
          C(sequence) of the entry.
      type: list
      elements: dict
    total:
      description: How many faults there are.
      type: int
    kinds:
      description: How many there are of each kind.
      type: dict
  sample:
    status: broken
    keyed: true
    code: null
    reason: null
    entries: 4211
    findings: [{kind: edited, line: 17, sequence: 17, file: null}]
    total: 1
    kinds: {edited: 1}
export:
  description: The C(path) of the file, its C(format), how many C(entries) it has, and its size in C(bytes); null without O(dest).
  type: dict
  returned: success
  sample: {path: /tmp/changes.csv, format: csv, entries: 12, bytes: 4820}
code:
  description: What went wrong, in one stable word, for example V(not_found).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("audit_info")


if __name__ == "__main__":
    main()
