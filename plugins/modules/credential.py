#!/usr/bin/python
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make credentials in a store present, absent, revoked or restored."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credential
short_description: Keep credentials in a store
version_added: 0.1.0
description:
  - Makes sure that a credential, or each of a list, is in a store, is not in it, is revoked, or has the value of an older version.
  - If no value is given and none is stored, one is generated. A second run changes nothing.
  - No value is returned unless O(return_value) is true.
options:
  name:
    description:
      - The name of the credential, one or more segments separated by C(/), of letters, digits, C(.), C(_) and C(-).
      - Give O(name) or O(credentials).
    type: str
  credentials:
    description:
      - Several credentials, each with the options it would have alone.
      - All are processed, each has a result of its own, and the task fails if one of them fails. A name can be there once.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the credential.
        type: str
        required: true
      state:
        description: The wanted state. Defaults to O(state) of the task.
        type: str
        choices: [present, absent, revoked, restored]
      type: &type
        description:
          - The type of the credential. Defaults to V(opaque) on creation. It cannot be changed afterwards.
          - The types are V(age), V(api_key), V(aws), V(azure), V(basic), V(certificate), V(chain), V(composite), V(custom), V(database),
            V(gcp), V(github_app), V(jwt), V(kerberos), V(ldap), V(oauth2), V(opaque), V(rds_iam), V(registry), V(saml), V(ssh_key), V(totp)
            and V(wireguard).
        type: str
      value: &value
        description:
          - The value of the type's primary field, for example the password of V(basic).
          - If it is left out, a stored value stays; if there is none, one is generated.
          - It is text. Quote digits and words like V(yes), which YAML otherwise turns into another text. The text V(None) is refused -
            Ansible makes it of a C(vars_prompt) without a terminal.
        type: raw
      value_from: &value_from
        description:
          - Where the value is read instead, on the controller, before anything else is done. Not with C(run_on=target).
        type: dict
        suboptions:
          file:
            description:
              - A file, found as C(ansible.builtin.copy) finds it, and decrypted if Ansible Vault has encrypted it.
              - Each byte of it is the value, a line break at its end included.
            type: path
            required: true
      prompt: &prompt
        description:
          - Prompts for the value at the terminal, twice, without showing it. Without a terminal the task fails. Not with C(run_on=target).
          - With C(on_exists=keep) there is no prompt if the credential exists. For several hosts write C(run_once).
        type: bool
      on_exists: &on_exists
        description:
          - What happens if the credential exists. V(update) makes it as the task says; V(keep) leaves it as it is, in any state.
          - Defaults to V(update).
        type: str
        choices: [update, keep]
      overwrite: &overwrite
        description: Another way to write C(on_exists). V(false) is V(keep), V(true) is V(update).
        type: bool
      fields: &fields
        description:
          - Values by field. They are merged into the stored ones; a field set to null is removed.
          - V(a.b.c) is a part of the JSON in the stored field C(a), unless there is a field of that name. The rest of the JSON stays.
          - Null for the primary field, and for one that the type declares secret, counts as not given.
          - The primary field is set here or by O(value), not by both.
          - The primary field and those that the type declares secret are text. Others may be numbers and booleans too; where a store keeps
            JSON, they stay what they are. A type can take mappings, which are stored as the text of their JSON.
        type: dict
      encoding:
        description: How its values are encoded. Defaults to O(encoding) of the task.
        type: str
        choices: [text, base64]
      allow_empty:
        description: Whether its values may be empty. Defaults to O(allow_empty) of the task.
        type: bool
      check:
        description: Whether its login is tried. Defaults to O(check) of the task.
        type: bool
      generate: &generate
        description:
          - How a value is generated if there is none. It does not change a stored value.
        type: dict
        suboptions:
          kind:
            description: What is generated. The default depends on the type. Types V(certificate) and V(ssh_key) take the last three alone.
            type: str
            choices: [password, hex, urlsafe, uuid, passphrase, pattern, policy, ed25519, ecdsa, rsa]
          length: {type: int, description: "Characters of a password, by default 32."}
          lowercase: {type: int, description: "The least number of lower case letters in a password, by default 1; 0 leaves them out."}
          uppercase: {type: int, description: "The least number of upper case letters in a password, by default 1; 0 leaves them out."}
          digits: {type: int, description: "The least number of digits in a password, by default 1; 0 leaves them out."}
          symbols: {type: int, description: "The least number of symbols in a password, by default 0, which leaves them out."}
          symbol_set: {type: str, description: The characters that count as symbols.}
          exclude_ambiguous: {type: bool, description: Leaves out characters that are easily confused.}
          exclude: {type: str, description: Further characters to leave out.}
          bytes: {type: int, description: "Random bytes of V(hex) and V(urlsafe), by default 32."}
          bits: {type: int, description: "The size of a key: V(256), V(384) or V(521) of V(ecdsa); V(3072), V(4096) or V(8192) of V(rsa)."}
          words: {type: int, description: "Words of a V(passphrase), by default 6."}
          separator: {type: str, description: "What is between the words, by default a hyphen."}
          pattern: {type: str, description: "The regular expression of Python that a value of kind V(pattern) matches."}
          policy: {type: str, description: "The password policy of the store's service by which a value of kind V(policy) is generated."}
      declared_fields: &declared_fields
        description:
          - The fields of a credential of type V(custom).
        type: list
        elements: dict
        suboptions:
          name: {type: str, required: true, description: The name of the field.}
          secret: {type: bool, default: true, description: Whether its value is a secret.}
          required: {type: bool, default: false, description: Whether it must have a value.}
          binary: {type: bool, default: false, description: Whether any bytes are accepted; otherwise it is UTF-8 text.}
          primary:
            description: Whether it is the field that O(value) sets and lookups return. By default the first secret field is.
            type: bool
            default: false
          default: {type: str, description: "The value if none is given. A secret field and the primary one have no default."}
          description: {type: str, description: The purpose of the field.}
          pattern: {type: str, description: "A regular expression of Python that the whole value must match."}
          min_length: {type: int, description: "The least number of characters, of bytes in a binary field."}
          max_length: {type: int, description: "The greatest number of characters, of bytes in a binary field."}
          choices: {type: list, elements: str, description: "The only values allowed. A secret field has none."}
          expiry:
            description:
              - Whether it holds the time at which the value expires, as ISO 8601 with an offset or as seconds since 1970.
              - O(expires_at) and O(ttl) win over it.
            type: bool
          refreshed_by:
            description:
              - The name of a refresh in the option C(refreshes) of the store, which C(nebula.yml) defines.
                It renews the value before it expires.
            type: str
      description: &description
        description: The purpose of the credential.
        type: str
      tags: &tags
        description: Tags, name by name, or a list of names, whose values are then empty. They replace the stored ones.
        type: raw
      metadata: &metadata
        description:
          - Your own data about the credential, any JSON, at most 65536 bytes. It replaces the stored one; an empty mapping removes it.
          - It is not secret. Every result shows it, and most backends keep it readable without the store's key.
        type: dict
      expires_at: &expires_at
        description: When the value expires, in ISO 8601 with an offset, for example V(2027-01-31T00:00:00Z).
        type: str
      ttl: &ttl
        description:
          - How long a value lives from the moment it is written, for example V(90d), V(12h) or seconds.
            It takes effect only when a value is written, so that a second run changes nothing.
        type: str
      policy: &policy
        description: When the value should be rotated. No rotation starts by itself; see M(nebula.credential.credential_rotate).
        type: dict
        suboptions:
          kind: {type: str, choices: [manual, periodic, before_expiry, scheduled], default: manual, description: What makes a rotation due.}
          every: {type: str, description: "The age at which a value is replaced, for V(periodic)."}
          before: {type: str, description: "How long before it expires a value is replaced, for V(before_expiry)."}
          at: {type: str, description: "The one time (ISO 8601 with an offset) at which the value is replaced, for V(scheduled)."}
          warning: {type: str, description: How long before the rotation it is announced.}
          grace: {type: str, description: How long the old value is kept after a rotation.}
          max_grace:
            description:
              - How long the old value is kept at most while a file of a host holds it, as M(nebula.credential.deploy) has recorded.
                Longer than C(grace). Without it, no host is waited for.
            type: str
          cron:
            description:
              - The times at which the value is replaced, for V(scheduled), as exactly five fields of cron. Needs the package cronsim.
              - In the night of a clock change a line of a fixed hour applies once.
            type: str
          zone: {type: str, description: "The time zone of O(policy.cron) and O(policy.windows), as V(Europe/Berlin). By default UTC."}
          strategy:
            description:
              - With V(blue_green), a rotation is refused at a target that accepts one value at a time, because readers would be
                refused for a moment. V(replace) takes any target, as without it.
            type: str
            choices: [blue_green, replace]
          validate_rotated:
            description: Whether the previous value is tried at the target in the grace period after a rotation, and the result reported.
            type: bool
          jitter:
            description: By how much at most a rotation is moved, drawn for each value, so that not all are due at once.
            type: str
          offset:
            description:
              - By how much the first rotation of V(periodic), and each one of V(scheduled), is moved, so that credentials of one service
                with the same policy are not due at once.
            type: str
          windows:
            description: When a rotation may begin. Without it, at any time.
            type: list
            elements: dict
            suboptions:
              days: {type: list, elements: str, description: "Days of the week, from V(mon) to V(sun). By default all."}
              from: {type: str, required: true, description: "The time of day at which the window begins, for example V(01:00)."}
              until:
                description: The time of day at which it ends; on the next day if it is not after C(from).
                type: str
                required: true
      rotation: &rotation
        description:
          - The target at which the value is rotated, for M(nebula.credential.credential_rotate_due). An empty mapping removes it.
        type: dict
        suboptions:
          target:
            description: The name of a target that C(nebula.yml) or the variable C(nebula_credential_targets) describes, or V(none).
            type: str
          options:
            description:
              - Options of the target that win over those of its description, for example the two roles of a database that take turns.
              - Only an encrypted store takes them. Elsewhere no key authenticates the metadata, so they are refused.
            type: dict
      version: &version
        description:
          - The version to restore, as M(nebula.credential.credential_info) shows it. With O(state=absent), the older version to remove; the
            current value and all other versions stay. Every other state refuses it.
          - Without it O(state=restored) accepts the value that is in the store, put back from a backup.
        type: str
      expected_version: &expected_version
        description: Writes only if this version is the current one, and fails otherwise.
        type: str
      idempotency_key: &idempotency_key
        description:
          - A text of your own that stands for one creation. With it, O(state=present) only creates. A credential that the same key has
            created stays as it is, and one that was created otherwise fails with C(duplicate).
        type: str
      force:
        description: Removes it even during a rotation, or if it cannot be read. Defaults to O(force) of the task.
        type: bool
      recoverable:
        description: Removes it so that it can be restored. Defaults to O(recoverable) of the task.
        type: bool
      permanent:
        description: Removes it for good. Defaults to O(permanent) of the task.
        type: bool
      revoke_tokens:
        description: Has its service end its tokens first. Defaults to O(revoke_tokens) of the task.
        type: bool
      scope:
        description: The scope of the credential.
        type: dict
        suboptions:
          workflow: {type: str, description: The workflow.}
          user: {type: str, description: The user.}
          tags: {type: dict, description: "Further dimensions, name by name."}
  state:
    description:
      - V(present) stores what is given and generates what is missing.
      - V(absent) removes the credential with all its versions, or one O(version), recoverably if the backend can, and else for good.
      - V(revoked) marks it as revoked, for good. Its value is not returned any more.
      - V(restored) stores the value of O(version) as the newest one. It accepts a file put back from a backup, which otherwise is refused
        as rolled back or as deleted, and restores what was removed with O(recoverable). If there is neither, and no O(version) is given,
        it changes nothing.
      - An option that a state does not use is refused. Only V(present) uses those that describe a credential (O(type), O(value), O(tags)
        and so on); V(absent) alone uses O(force), O(recoverable), O(permanent)
        and O(revoke_tokens).
    type: str
    choices: [present, absent, revoked, restored]
    default: present
  type: *type
  value: *value
  value_from: *value_from
  prompt: *prompt
  on_exists: *on_exists
  overwrite: *overwrite
  fields: *fields
  encoding:
    description:
      - How O(value), O(fields) and a returned value are encoded. Give binary values as V(base64).
    type: str
    choices: [text, base64]
    default: text
  allow_empty:
    description:
      - Accepts a O(value) and O(fields) that are empty. Otherwise an empty one is refused, because it comes from an unset variable more
        often than it is meant.
    type: bool
    default: false
  check:
    description:
      - Logs in to the service with the credential before it is stored, at each run, in check mode too. If the service refuses the login or
        cannot be reached, the task fails and stores nothing.
      - It needs a value that the service has already; one that would be generated is refused. Of a type that has no login, it is refused.
    type: bool
    default: false
  generate: *generate
  declared_fields: *declared_fields
  description: *description
  tags: *tags
  metadata: *metadata
  expires_at: *expires_at
  ttl: *ttl
  policy: *policy
  rotation: *rotation
  version: *version
  expected_version: *expected_version
  idempotency_key: *idempotency_key
  force:
    description: Removes a credential even during a rotation, or if it cannot be read.
    type: bool
    default: false
  recoverable:
    description:
      - With O(state=absent), the backend keeps the deleted value, which cannot be read any more, and O(state=restored) restores it.
      - Defaults to what the backend can. Only a plain store of KV version 2 (Vault, OpenBao) can do that, and only without O(force).
        Others refuse V(true).
    type: bool
  permanent:
    description:
      - With O(state=absent), removes the credential, or the O(version), for good. So is what was deleted recoverably before.
      - It is the opposite of O(recoverable), and cannot be used with it.
    type: bool
  revoke_tokens:
    description:
      - With O(state=absent), the tokens of an C(oauth2) credential are revoked at their service before it is removed (RFC 7009).
      - If the service refuses or does not respond, nothing is removed. It cannot be used with O(version) and O(force).
    type: bool
  return_value:
    description:
      - Returns the value of the primary field. If you use this, set C(no_log) on the task.
      - A value that is revoked or has expired is refused. With O(state=revoked) this option is refused.
    type: bool
    default: false
  progress:
    description:
      - Whether to show, every five seconds, how many credentials are done. The lines go to the run's standard error.
      - By default they are shown if that is a terminal. They cannot be shown with O(run_on=target).
    type: bool
extends_documentation_fragment:
  - nebula.credential.store
  - nebula.credential.store.place
seealso:
  - plugin: nebula.credential.get
    plugin_type: lookup
  - module: nebula.credential.credential_info
  - module: nebula.credential.credential_rotate
author:
  - The nebula.credential authors (@nebula-automation)
"""

EXAMPLES = r"""
- name: Make sure there is a password, and generate one if there is none
  nebula.credential.credential:
    name: db_pass
    type: basic
    fields:
      username: app

- name: Generate one by the rules of an old system
  nebula.credential.credential:
    name: mainframe/batch
    type: basic
    fields:
      username: BATCH01
    generate:
      length: 8
      lowercase: 0
      exclude_ambiguous: true
    ttl: 90d
    policy:
      kind: before_expiry
      before: 7d

- name: Store several at once
  nebula.credential.credential:
    credentials:
      - name: app/api
        type: api_key
        tags:
          team: payments
      - name: app/signing
        type: custom
        declared_fields:
          - name: issuer
            secret: false
          - name: shared_secret
            primary: true
        fields:
          issuer: payments

- name: Store a value that comes from somewhere else
  nebula.credential.credential:
    name: app/partner
    value: "{{ lookup('ansible.builtin.password', '/dev/null', length=24) }}"
  no_log: true

- name: Revoke a credential
  nebula.credential.credential:
    name: app/partner
    state: revoked

- name: Remove it, recoverably if the backend can
  nebula.credential.credential:
    name: app/partner
    state: absent

- name: Remove it for good, whatever the backend can
  nebula.credential.credential:
    name: app/partner
    state: absent
    permanent: true
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
  description: The name of the credential.
  type: str
  returned: with O(name)
state:
  description: The wanted state.
  type: str
  returned: with O(name)
generated:
  description: Whether a value was generated.
  type: bool
  returned: with O(name)
credential:
  description: The description of the credential, without any value; null if it is absent.
  type: dict
  returned: with O(name)
  sample:
    name: db_pass
    type: basic
    version: "1"
    state: active
    expires_at: null
    tags: {}
    metadata: {}
location:
  description:
    - Where the value is, or would be, in the words of the backend's users. A C(file); a C(database), C(table) and C(name);
      a C(url) and C(path), with C(namespace) if there is one; a C(server), C(namespace) and C(secret); or the C(process) that
      holds it in its memory.
  type: dict
  returned: with O(name)
  sample: {url: "https://vault.example.com:8200", path: secret/nebula/db_pass}
recoverable:
  description: Whether O(state=restored) can bring back what was deleted.
  type: bool
  returned: with O(name) and O(state=absent)
recoverable_until:
  description: Until when it can be brought back (ISO 8601); null if that does not end by itself, or it cannot.
  type: str
  returned: with O(name) and O(state=absent)
results:
  description:
    - A result for each element of O(credentials), in their order, as for a single credential, or C(failed), C(code) and C(msg).
    - If one failed, only the results of those that failed or changed; RV(unchanged) counts the others.
  type: list
  elements: dict
  returned: with O(credentials)
unchanged:
  description: The number of elements of O(credentials) that neither failed nor changed.
  type: int
  returned: with O(credentials), if one failed
value:
  description: The value of the primary field.
  type: str
  returned: with O(return_value)
mirrors:
  description:
    - The copies in the stores that C(mirror) of the store names, each as in RV(nebula.credential.sync#module:results). One that failed is
      a warning, and no failure of this task; the next run tries it again.
  type: list
  elements: dict
  returned: with a store that has C(mirror)
code:
  description: What went wrong, in one stable word, for example V(not_found) or V(conflict).
  type: str
  returned: on failure
"""

from ansible_collections.nebula.credential.plugins.module_utils.sent_code import run_sent_module


def main() -> None:
    """Run on a host; on the controller the action plugin does the same."""
    run_sent_module("credential")


if __name__ == "__main__":
    main()
