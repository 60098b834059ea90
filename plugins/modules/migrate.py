#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copy or move credentials to another store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migrate
short_description: Copy or move credentials to another store
version_added: 0.1.0
description:
  - Copies credentials from any store to any other, with every kept version, the stage C(previous), dates, lifecycle, scope, tags, policy
    and description. What the other store cannot hold is an error, unless O(lossy) is set.
  - In check mode it writes nothing, and returns the plan. It reads every credential of both stores, so the plan has what is new, what is
    there already, what collides, and what the other store cannot hold (sizes, tags, names, versions).
  - Each credential is written by compare-and-swap, read again and compared by a keyed digest. Until its last version is written, C(get)
    refuses it in the other store. A value that another writer has stored there is never replaced.
  - A second run continues where the first one ended, even if that was killed, and writes nothing if nothing has changed. A credential that
    changes meanwhile is copied again. One that was rotated in the source since an earlier run is brought up to date.
  - One that is rotating, in its grace period, being refreshed or logging in is not copied, and is in RV(results) with the reason.
  - One that fails does not hinder the others; the task fails at the end.
options:
  store:
    description: The store that the credentials are in. See the option of the same name below.
  to:
    description:
      - The store that they are to be in, as its name or a whole configuration, like O(store).
      - The same place under two names is refused.
    type: raw
    required: true
  names:
    description: The credentials, by name.
    type: list
    elements: str
  prefix:
    description: Only credentials whose name begins with this text. O(prefix), O(tags) and O(type) select together.
    type: str
  tags:
    description: Only credentials that have all of these tags, with these values; of a list, with any values.
    type: raw
  type:
    description: Only credentials of this type.
    type: str
  all:
    description: Every credential of the store that the caller's scope admits. Without it, something else has to select.
    type: bool
    default: false
  transform:
    description:
      - Changes what is written to the other store, each by a Jinja expression without braces. It is evaluated on the controller for
        each credential, and reads the variable C(credential) with C(name), C(type), C(tags), C(description) and C(state). It never
        sees a value, and no text in these is evaluated.
      - An expression must be text of the play. One that came from a host or another store is refused.
    type: dict
    suboptions:
      name:
        description: The name in the other store. If two credentials would get the same name, neither is written.
        type: str
      tags:
        description: The tags of the current value there, as a mapping or a list of names. Older versions keep theirs.
        type: str
      type:
        description:
          - The type there, of every version. The primary field gets the name that it has in that type. A credential whose fields do
            not fit is not written.
        type: str
  after:
    description:
      - V(keep) leaves the source as it is. V(delete) deletes it there, once every credential was written and compared. If one failed,
        none is deleted.
      - A source is deleted only in the very version and revision that was copied.
    type: str
    choices: [keep, delete]
    default: keep
  other_tenant:
    description: Whether a credential may change its tenant, which is that of the store it is in.
    type: bool
    default: false
  lossy:
    description:
      - Whether to leave out what the other store cannot hold, such as older versions. RV(results) says what was lost. A value that is too
        large is an error all the same.
    type: bool
    default: false
  report:
    description:
      - A file for the whole result as JSON, with every credential. It has mode 0600, and names, states and numbers only.
      - An earlier report is replaced. Any other file is refused, and nothing is done.
      - A relative path begins at the directory in which the run was started; with O(run_on=target) it is a path of the host.
    type: path
  progress:
    description:
      - Whether to show, every five seconds, how many credentials are done. Copying, comparing the sources again and deleting each count
        anew. The lines go to the run's standard error.
      - By default they are shown if that is a terminal. They cannot be shown with O(run_on=target).
    type: bool
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - module: nebula.credential.credential
  - module: nebula.credential.credential_info
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
# With two stores in nebula.yml, 'local' and 'prod':
#
# - name: See what a migration would do
#   nebula.credential.migrate:
#     store: local
#     to: prod
#     all: true
#   check_mode: true
#
# - name: Move everything of the payments team, under another name
#   nebula.credential.migrate:
#     store: local
#     to: prod
#     tags: {team: payments}
#     transform:
#       name: "'payments/' ~ credential.name"
#       tags: "credential.tags | combine({'source': 'local'})"
#     after: delete
#     report: migration.json

- name: Make sure there is something to copy
  nebula.credential.credential:
    name: app/db_pass

- name: Copy it to another store
  nebula.credential.migrate:
    prefix: app/
    to:
      name: copy
      backend: local
      path: ~/copy
  register: copied

- name: Copy it again, which changes nothing
  nebula.credential.migrate:
    prefix: app/
    to:
      name: copy
      backend: local
      path: ~/copy
  register: again

- name: Check both
  ansible.builtin.assert:
    that:
      - copied.counts.created == 1
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
source:
  description: The name of the store that the credentials were read from.
  type: str
  returned: always, if the migration has begun
  sample: local
destination:
  description: The name of the other store.
  type: str
  returned: always, if the migration has begun
  sample: prod
check:
  description: Whether this is a plan only, so that nothing was written.
  type: bool
  returned: always, if the migration has begun
total:
  description: How many credentials were selected.
  type: int
  returned: always, if the migration has begun
counts:
  description:
    - How many credentials were C(created), C(resumed), C(updated), C(unchanged) and C(moved) (see RV(results)), how many C(failed), in
      how many the source was C(deleted), and how often one was copied C(again) because it had changed meanwhile. In check mode what
      would be.
  type: dict
  returned: always, if the migration has begun
  sample: {created: 40, resumed: 1, updated: 0, unchanged: 2, moved: 0, failed: 1, deleted: 0, again: 0}
results:
  description:
    - Each credential, by its C(name) in the source and C(to) in the destination. The C(action) is V(create), V(resume) (an interrupted
      import), V(update) (an earlier state of it was there), V(nothing) (it was there already), V(moved) (with O(after=delete), it
      is there alone) or null. C(deleted) says whether the source was deleted.
    - One that C(failed) has C(code) and C(msg). C(lost) lists what O(lossy) has left out, C(versions) the versions that have another number
      in the destination, C(again) how often it was copied anew.
    - The failed ones come first, then those that were changed. There are 1000 at most; O(report) has all.
  type: list
  elements: dict
  returned: always, if the migration has begun
  sample:
    - {name: db_pass, to: app/db_pass, failed: false, action: create, deleted: false}
    - name: api
      to: app/api
      failed: true
      action: null
      deleted: false
      code: duplicate
      msg: "credential 'app/api', store 'local': another credential of that name is there."
truncated:
  description: Whether RV(results) leaves some out.
  type: bool
  returned: always, if the migration has begun
not_kept:
  description: What no migration keeps.
  type: list
  elements: str
  returned: always, if the migration has begun
  sample: [revisions of metadata, the times at which the versions were stored]
names:
  description: The names that were changed in one of both stores, or would be; null if RV(truncated).
  type: list
  elements: str
  returned: always, if the migration has begun
  sample: [app/db_pass, db_pass]
code:
  description: What went wrong, in one stable word, for example V(duplicate); of several failures that of the first.
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("migrate")


if __name__ == "__main__":
    main()
