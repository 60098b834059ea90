#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotate every credential that is due."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_rotate_due
short_description: Rotate every credential of a store that is due
version_added: 0.1.0
description:
  - Rotates what is due by its policy, each credential against the target that its C(rotation) names, and finishes rotations that an
    earlier run left open. A failure of one stops no other.
  - The metadata of a credential only names a target. C(targets) in C(nebula.yml) and the variable C(nebula_credential_targets)
    describe the targets.
  - Several credentials are rotated at once. The store is opened on the controller; the modules and programs of the targets run on
    the task's host. Write C(run_once) if the play has several hosts.
  - Shows a line for each credential, and at the end what is due next. In check mode it shows what would be done and touches nothing.
  - No value is returned or printed. The collection's C(docs/how-to/nightly-rotation.md) shows a whole setup.
options:
  prefix:
    description: Only credentials whose name begins with this text.
    type: str
  type:
    description: Only credentials of this type.
    type: str
  tags:
    description: Only credentials that have all of these tags, with these values; of a list, with any values.
    type: raw
  target:
    description: Only credentials that are assigned to the target of this name.
    type: str
  parallel:
    description: How many credentials are rotated at once, at most 200.
    type: int
    default: 10
  max_fail_percentage:
    description: Begins no further rotation once more than this percentage of the credentials has failed. With V(100) none stops the run.
    type: int
    default: 100
  require_target:
    description: Fails if a credential is due and has no target. Without it, that is a warning.
    type: bool
    default: false
  report:
    description:
      - The file on the controller to which a report is written as JSON, also if a rotation failed. Not written in check mode.
      - An earlier report is replaced. Any other file is refused, and nothing is rotated.
    type: path
  show:
    description: Whether a line for each credential, and one at the end, is shown.
    type: bool
    default: true
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.credential
    description: Writes the policy and the target of a credential.
  - module: nebula.credential.credential_rotate
    description: Rotates one credential.
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Say when a credential is rotated, and where
  nebula.credential.credential:
    name: cookie_key
    policy: {kind: periodic, every: 90d}
    rotation: {target: none}

- name: Rotate what is due
  nebula.credential.credential_rotate_due:
    report: "{{ playbook_dir }}/rotation.json"

- name: Rotate what is due of one team, one after the other
  nebula.credential.credential_rotate_due:
    tags: {team: payments}
    parallel: 1
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
report:
  description: A row for each credential that was due or whose rotation was open; if one failed, only for those that failed.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The credential.
      type: str
    target:
      description: The name of its target.
      type: str
    due_at:
      description: Since when it was due.
      type: str
    result:
      description:
        - What happened, V(promoted), V(closed) (an earlier rotation was finished), V(open), V(waits) (refused for now; the next run
          tries again), V(not_due) or V(gone) (meanwhile), V(no_target), V(not_tried), V(failed), V(parked), V(lost) or V(orphaned).
        - In check mode V(planned) or V(continued).
      type: str
    changed:
      description: Whether something changed in the store.
      type: bool
    readers_refused_for:
      description: For how many seconds readers of the current value were refused by the target.
      type: float
    behind:
      description: The hosts of the target that lack the new value; the next run sends it.
      type: list
      elements: str
    holders:
      description: The hosts with a recorded file that holds the previous value, for which it is kept if the policy has C(max_grace).
      type: list
      elements: str
    previous_accepted:
      description: Whether the target accepted the previous value in the grace period. Null if it could not be tried.
      type: bool
      returned: if the policy has C(validate_rotated)
    code:
      description: What went wrong, in one stable word.
      type: str
    message:
      description: What went wrong, in words.
      type: str
consumers:
  description: A row for each consumer that was to be informed, with its C(result), V(informed), V(failed) or V(waits).
  type: list
  elements: dict
  returned: success
next:
  description: The next ten credentials that become due, each with C(name) and C(due_at).
  type: list
  elements: dict
  returned: success
total:
  description: How many credentials the filters select.
  type: int
  returned: success
summary:
  description: The last line that was shown.
  type: str
  returned: success
names:
  description: The credentials that changed.
  type: list
  elements: str
  returned: success
code:
  description: What went wrong first, in one stable word, for example V(rotation_parked).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host: refused, because only the action plugin on the controller reaches targets."""
    run_sent_module("credential_rotate_due")


if __name__ == "__main__":
    main()
