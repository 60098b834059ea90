#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotate a credential."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credential_rotate
short_description: Rotate a credential without losing a password
version_added: 0.1.0
description:
  - Stores a new value, sets it at the target, verifies that the target accepts it, and promotes it; rolls back if it does not.
  - The new value is stored before it is sent to the target, and a value that was sent is kept until it can take effect no more.
    So the value that the target accepts is always in the store, even after a crash; the next run continues from there.
  - No value is returned or printed.
  - The collection's C(docs/how-to/rotation.md) describes the order of the steps, and what to do about each error.
options:
  name:
    description: The credential to rotate. It must exist.
    type: str
    required: true
  phase:
    description:
      - V(auto) rotates from beginning to end, and finishes a rotation that an earlier run left open. It needs O(target).
      - V(prepare) stores a new value as pending, which C(lookup('nebula.credential.get', name, stage='pending')) reads.
      - V(test) records what you saw when you tried the pending value (O(accepted), O(wrong_refused)).
      - V(commit) promotes a pending value that passed the test.
      - V(rollback) gives up a pending value; in the grace period it rotates back to the previous value.
      - V(settle) finishes an open rotation and begins none. It also checks the target again for a rotation that was given up.
      - V(status) returns the state of the rotation and changes nothing.
      - V(forget) removes hosts that are gone for good, or values at the service that are not ours, from the open rotation (O(forget)).
        Hosts leave the record of the files that M(nebula.credential.deploy) has written, too.
    type: str
    choices: [auto, prepare, test, commit, rollback, settle, status, forget]
    default: auto
  value:
    description:
      - The new value of the primary field. By default it is generated. If a value is pending already, that one is used.
      - It is text, as in M(nebula.credential.credential).
    type: raw
  fields:
    description: New values by field, merged into the stored ones.
    type: dict
  allow_empty:
    description: Accepts a O(value) and O(fields) that are empty.
    type: bool
    default: false
  generate:
    description: How the new value is generated.
    type: dict
    suboptions:
      kind:
        description: What is generated. The default depends on the type. Types V(certificate) and V(ssh_key) take the last three alone.
        type: str
        choices: [password, hex, urlsafe, uuid, passphrase, pattern, policy, ed25519, ecdsa, rsa]
      length:
        description: Characters of a password, by default 32.
        type: int
      lowercase:
        description: The least number of lower case letters in a password, by default 1; 0 leaves them out.
        type: int
      uppercase:
        description: The least number of upper case letters in a password, by default 1; 0 leaves them out.
        type: int
      digits:
        description: The least number of digits in a password, by default 1; 0 leaves them out.
        type: int
      symbols:
        description: The least number of symbols in a password, by default 0, which leaves them out.
        type: int
      symbol_set:
        description: The characters that count as symbols.
        type: str
      exclude_ambiguous:
        description: Leaves out characters that are easily confused.
        type: bool
      exclude:
        description: Further characters to leave out.
        type: str
      bytes:
        description: Random bytes of V(hex) and V(urlsafe), by default 32.
        type: int
      bits:
        description: The size of a key; V(256), V(384) or V(521) of V(ecdsa), and V(3072), V(4096) or V(8192) of V(rsa).
        type: int
      words:
        description: Words of a V(passphrase), by default 6.
        type: int
      separator:
        description: What is between the words, by default a hyphen.
        type: str
      pattern:
        description: The regular expression of Python that a value of kind V(pattern) matches.
        type: str
      policy:
        description: The password policy of the store's service by which a value of kind V(policy) is generated.
        type: str
  options:
    description:
      - The options of this module as one mapping, as the role C(nebula.credential.rotate) passes them. Options that the task sets
        itself win.
    type: dict
  ttl:
    description: How long the new value lives, for example V(90d). Defaults to the lifetime that the current value was given.
    type: str
  grace:
    description:
      - How long the previous value is kept, for example V(1h). Defaults to the policy's C(grace).
      - A target that accepts one value at a time has no grace period.
    type: str
  max_grace:
    description:
      - How long the previous value is kept at most while a file of a host holds it, as M(nebula.credential.deploy) has recorded, for
        example V(7d). It is longer than O(grace). Defaults to the policy's C(max_grace); without both, no host is waited for.
      - RV(rotation.holders) names the hosts. The next runs end the grace period.
    type: str
  consumer_ttl:
    description:
      - How long a consumer may continue to use a value that it has read.
      - A grace period shorter than O(consumer_ttl) + O(serve_stale) + 120 s is refused.
    type: str
  serve_stale:
    description: How long a cache between store and consumer may serve an old value.
    type: str
  validate_rotated:
    description:
      - Whether the previous value is tried at the target, too, once the new one is promoted, and in the grace period by V(settle).
        Defaults to the policy's C(validate_rotated).
      - The result is RV(rotation.previous_accepted). A previous value that is refused is a warning.
      - A target that accepts one value at a time has no grace period, so it does not take this option.
    type: bool
  only_if_due:
    description: With V(auto) and V(prepare), begins nothing unless the credential's policy says that a rotation is due.
    type: bool
    default: false
  accepted:
    description: For V(test), whether the service accepted the pending value on a fresh connection.
    type: bool
  wrong_refused:
    description: For V(test), whether the service refused a random wrong value. A service that accepts anything verifies nothing.
    type: bool
  forget:
    description:
      - For V(forget), the hosts that a target of several hosts no longer has, or the ids of values that the service holds and that
        this rotation did not make. The error that stops the rotation names them.
      - Also the hosts that are gone for good and are in the record of the credential's files.
    type: list
    elements: str
  sent:
    description: For V(rollback) by hand, whether the pending value may have reached a service. If not, it is deleted at once.
    type: bool
    default: true
  current_unverified:
    description:
      - Rotates even if the target does not accept the current value, or cannot try it. Without it, such a rotation is refused before
        anything is sent. The target needs an administrator's login of its own.
      - Nothing is then rolled back to the current value. A rotation whose new value cannot be verified is V(parked), and
        RV(rotation.current_verified) is V(false).
    type: bool
    default: false
  current_verified:
    description:
      - For V(prepare), whether you saw the service accept the current value. The rotation keeps it as RV(rotation.current_verified),
        also for later runs.
      - Left out, a new rotation begins as V(false), and one that is continued keeps what it has. The role C(rotate)
        rolls nothing back to a value that was not verified.
    type: bool
extends_documentation_fragment:
  - nebula.credential.rotation_targets
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.credential
  - module: nebula.credential.credential_info
  - plugin: nebula.credential.get
    plugin_type: lookup
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Rotate the password of a PostgreSQL role
  nebula.credential.credential_rotate:
    name: db_pass
    target: postgresql
    postgresql:
      host: db.example.com
      admin_credential: postgresql/admin

- name: Let two roles take turns, so that no reader is refused in between
  nebula.credential.credential_rotate:
    name: app/db
    target: postgresql
    postgresql:
      host: db.example.com
      usernames: [app_a, app_b]
      admin_credential: postgresql/admin
    consumer_ttl: 10m

- name: Set a value at a service of your own, the first time
  ansible.builtin.copy:
    content: "{{ lookup('nebula.credential.get', 'door_code') }}\n"
    dest: /srv/door
    mode: "0600"
  no_log: true

- name: Rotate it with programs that change and test it
  nebula.credential.credential_rotate:
    name: door_code
    target: command
    command:
      apply: [/bin/sh, -c, "cat >/srv/door"]
      verify: [/bin/sh, -c, "cmp -s - /srv/door || exit 77"]

- name: Change a value that no service uses
  nebula.credential.credential_rotate:
    name: cookie_signing_key
    target: none
    grace: 1d

- name: Prepare a new value for a service of your own
  nebula.credential.credential_rotate:
    name: legacy/api
    phase: prepare

- name: Report that it works, and that a wrong one does not
  nebula.credential.credential_rotate:
    name: legacy/api
    phase: test
    accepted: true
    wrong_refused: true

- name: Promote it
  nebula.credential.credential_rotate:
    name: legacy/api
    phase: commit

- name: Finish what an interrupted run left open
  nebula.credential.credential_rotate:
    name: db_pass
    phase: settle
    target: postgresql
    postgresql:
      host: db.example.com
      admin_credential: postgresql/admin
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
name:
  description: The credential.
  type: str
  returned: success
phase:
  description: The phase that was run.
  type: str
  returned: success
outcome:
  description:
    - The outcome, V(promoted), V(rolled_back), V(parked), V(lost), V(prepared), V(refused) if the target does not accept the
      current value, or V(idle) if there was nothing to do.
    - In phase V(auto), V(rolled_back), V(refused), V(parked) and V(lost) fail the task.
  type: str
  returned: success, and not in check mode
location:
  description: Where the current value is; see the return value of the same name of M(nebula.credential.credential).
  type: dict
  returned: success
rotation:
  description: The state of the rotation, without a value.
  type: dict
  returned: success
  contains:
    rotation:
      description: Its id.
      type: str
    phase:
      description: The phase of its journal, or V(closed).
      type: str
    target:
      description: The target and its address.
      type: dict
    overlap:
      description: Whether old and new values are accepted at the same time, V(none), V(alternating), V(dual) or V(multi).
      type: str
    attempts:
      description: How often the new value was sent.
      type: int
    tested:
      description: Whether a test by hand was reported as passed.
      type: bool
    current_verified:
      description:
        - Whether the target is known to have accepted the current value before anything was sent. By hand, what O(current_verified) said.
        - Null with O(target=none).
      type: bool
    reason:
      description: Why the rotation did not proceed.
      type: str
    orphaned:
      description: Whether all attempts are used up with the outcome open. Then a person must check the target.
      type: bool
    started_at:
      description: When it began.
      type: str
    readers_refused_for:
      description: For how many seconds readers of the current value were refused by the target. 0 if that was not seen.
      type: float
    readers_maybe_refused:
      description: Whether the new value was sent to a target that has one value at a time, and it is not known whether it took effect.
      type: bool
    grace:
      description: For how many seconds the previous value is kept after the promotion.
      type: int
    retire_after:
      description: The earliest time at which the previous value is removed.
      type: str
    retire_by:
      description: Until when it is kept at most for the hosts in C(holders). Null without O(max_grace).
      type: str
    holders:
      description: The hosts with a recorded file that held the previous value when that was last looked at.
      type: list
      elements: str
    overdue:
      description: Whether the previous value should have been removed, and could not be.
      type: bool
    may_land_until:
      description: Until when a request that was sent may still take effect.
      type: str
    behind:
      description: The hosts that are not known to accept the value of the rotation.
      type: list
      elements: str
      returned: when the target has several hosts
    previous_accepted:
      description: Whether the target accepted the previous value when it was tried. Null before that, or if it could not be tried.
      type: bool
      returned: with O(validate_rotated)
    strays:
      description: The ids of values that the service may have made for the rotation, but whose response was lost.
      type: list
      elements: str
      returned: when the service makes the value
plan:
  description: What would be done, in order.
  type: dict
  returned: in check mode
mirrors:
  description:
    - The copies in the stores that C(mirror) of the store names, each as in RV(nebula.credential.sync#module:results). One that failed is
      a warning, and no failure of this task; the next run tries it again.
  type: list
  elements: dict
  returned: with a store that has C(mirror)
code:
  description: What went wrong, in one stable word, for example V(rotation_in_progress).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host. On the controller, the action plugin does the same and also reaches targets."""
    run_sent_module("credential_rotate")


if __name__ == "__main__":
    main()
