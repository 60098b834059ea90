#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the copies of credentials in other stores up to date."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sync
short_description: Bring the copies of credentials in other stores up to date
version_added: 0.1.0
description:
  - Writes the credentials of a store to the stores that C(mirror) in its configuration names, and compares the copies that are there.
  - M(nebula.credential.credential) and M(nebula.credential.credential_rotate) do the same for the credentials that they name. This module
    does it for all of them, repeats what failed because a store was down, and finds copies of credentials that were deleted.
  - A copy has the current value, the description, tags, scope, end and free metadata of its source. It has no older values and no rotation
    policy. It knows its source and is read only; every other write to it is refused.
  - A copy whose value was changed outside is drift. It is an error, and is overwritten only with O(overwrite_drift).
  - From a store that gives no value back (GitHub Actions, GitLab CI), nothing is compared. What was recorded with the copy decides.
options:
  to:
    description: Only these of the stores that C(mirror) names. By default all of them.
    type: list
    elements: str
  names:
    description:
      - Only these of the credentials that C(mirror) selects. By default all of them, and the copies of those that were deleted.
      - A name that C(mirror) does not select for any of the stores is refused.
    type: list
    elements: str
  on_delete:
    description:
      - What becomes of the copy of a credential that was deleted. V(keep) leaves it as it is, V(remove) deletes it.
      - By default as C(on_delete) in C(mirror) says, and without that V(keep).
    type: str
    choices: [keep, remove]
  overwrite_drift:
    description: Whether copies that were changed outside are overwritten, and values that another tool wrote under their names.
    type: bool
    default: false
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
# With this in nebula.yml:
#
# stores:
#   prod:
#     backend: local
#     mirror: [spare]
#   spare:
#     backend: local
#     path: ~/spare
#
# - name: Bring all copies up to date, and delete those of deleted credentials
#   nebula.credential.sync:
#     store: prod
#     on_delete: remove

- name: Make sure there is something to copy
  nebula.credential.credential:
    name: app/db_pass

- name: Copy it to another store
  nebula.credential.sync:
    store:
      name: main
      backend: local
      mirror: [spare]
  vars:
    nebula_credential_stores:
      spare:
        backend: local
        path: ~/spare
  register: copied

- name: Check the result
  ansible.builtin.assert:
    that: copied.counts.create == 1
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
total:
  description: How many copies there are, or should be.
  type: int
  returned: always, if the stores can be opened
counts:
  description: How many copies there are of each C(action) (see RV(results)), and how many C(failed). In check mode what would be.
  type: dict
  returned: always, if the stores can be opened
  sample: {create: 1, nothing: 40, failed: 1}
results:
  description:
    - Each copy, with the C(name) of its source, its own name (C(to)) and its C(store). The C(action) is V(create), V(update), V(remove),
      V(keep) (the source was deleted), V(nothing), or null.
    - C(drift) says whether it was changed outside. C(before) and C(after) are the versions of the source that the copy was made of.
    - One that C(failed) has C(code) and C(msg).
    - Of each store there are 1000 at most, the failed ones first, then those that were changed.
  type: list
  elements: dict
  returned: always, if the stores can be opened
  sample:
    - {name: db_pass, to: db_pass, store: spare, action: update, drift: false, failed: false, before: "3", after: "4"}
code:
  description: What went wrong, in one stable word, for example V(drift); of several failures that of the first.
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host: refused, because the copies are written from the controller."""
    run_sent_module("sync")


if __name__ == "__main__":
    main()
