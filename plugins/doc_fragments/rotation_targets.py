# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of `credential_rotate` that belong to targets. Written by tests/house/write_target_fragment.py: do not edit."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the targets' options."""

    DOCUMENTATION = r"""
options:
  target:
    description:
      - The service whose value changes with the credential. It has options of its own, under its own name.
      - V(none) changes the value in the store alone. If a service takes this credential, it stops working; so it has to be
        written out.
      - V(postgresql) changes the password of a PostgreSQL role.
      - V(ssh_key) changes the key that an account of one host or many accepts (C(authorized_keys)).
      - V(linux_user) changes the password of a local account of a Linux host.
      - V(certificate) changes the certificate, with its key, that a server of a host presents.
      - V(command) runs programs of your own that change the value, and that try it.
      - The full name of another collection's target (C(namespace.collection.name)) takes its options from O(target_options). It
        is loaded on the controller only, if C(nebula.yml) lists it under C(extensions).
      - The phases V(prepare), V(test) and V(commit) take no target. You change the value at the service yourself, between them.
    type: str
  postgresql:
    description:
      - The PostgreSQL server, and whose password changes there. The modules of C(community.postgresql) reach it from the task's
        host, which needs C(psycopg).
      - The server gets a SCRAM-SHA-256 verifier, never the password.
      - "The names of community.postgresql are taken too: C(login_host), C(login_port), C(login_db), C(login_unix_socket),
        C(login_user) and C(login_password) (the administrator's), C(ssl_rootcert)."
      - A single role has no grace period, because it has one password at a time.
    type: dict
    suboptions:
      host:
        description:
          - Host name or address, as seen from the task's host. Defaults to the credential's field C(host).
        type: str
      port:
        description:
          - The port. Defaults to the credential's field C(port), or 5432 if it has none.
        type: int
      probe_host:
        description:
          - Where a value is tried, if applications connect to another address than O(postgresql.host), for example a connection
            pooler. As seen from the task's host. Defaults to O(postgresql.host).
        type: str
      probe_port:
        description:
          - The port of O(postgresql.probe_host). Defaults to O(postgresql.port).
        type: int
      database:
        description:
          - The database to connect to. Defaults to the credential's field C(database), or V(postgres) if it has none.
        type: str
      unix_socket:
        description:
          - The directory of a Unix socket, in place of a host. Peer authentication cannot be verified and is rolled back.
        type: path
      ssl_mode:
        description:
          - How TLS is used, in libpq's words. Defaults to the credential's field C(ssl_mode).
        type: str
      ca_cert:
        description:
          - A file of CA certificates that verify the server's certificate, on the task's host.
        type: path
      connect_params:
        description:
          - Further parameters of the connection, in libpq's words, in place of C(connect_timeout=10) and a statement timeout of
            15 s.
          - Keep a request shorter than 100 s, or a late one may land after the rotation was settled.
        type: dict
      role:
        description:
          - The role whose password changes. Defaults to the credential's field C(username).
        type: str
      usernames:
        description:
          - Two roles that take turns. The new value is the other role's user name and password, so that the old one keeps
            working.
          - Both must exist and have the same rights. Consumers must read user name and password in one lookup.
        type: list
        elements: str
      admin_user:
        description:
          - A role that may change the password. Defaults to the user name of O(postgresql.admin_credential).
        type: str
      admin_password:
        description:
          - The password of O(postgresql.admin_user).
        type: str
      admin_credential:
        description:
          - A credential in the same store that holds the admin's user name and password.
        type: str
  ssh_key:
    description:
      - The account and the hosts that accept the key. C(ansible.posix.authorized_key) writes on each host as the task's C(become)
        and the host's variables say; OpenSSH on the controller tries the key there.
      - Both keys are accepted until the grace period is over. Hosts that are down are named, and get the key in a later run.
    type: dict
    suboptions:
      user:
        description:
          - The account whose C(authorized_keys) changes, and that the key logs in to.
        type: str
        required: true
      hosts:
        description:
          - "Inventory patterns, as in C(hosts:) of a play: the hosts that accept the key. Defaults to the hosts of the play."
          - C(--limit) does not change it, because a host that is left out would keep the old key.
        type: list
        elements: str
      path:
        description:
          - The file with the keys, as seen from the host. Defaults to C(.ssh/authorized_keys) in the home of O(ssh_key.user).
          - Its directory must exist.
        type: str
      key_options:
        description:
          - The options in front of the key, for example C(from="192.0.2.0/24",no-pty).
          - "They have to be those that the current key has: a new key never has other rights than the old one by accident."
        type: str
      probe_arguments:
        description:
          - Further arguments of the OpenSSH client for the login that tries a key, in front of those of the host's variables.
          - For hosts that Ansible reaches by another connection than C(ssh), for example C([-p, "2222"]) or a jump host.
        type: list
        elements: str
  linux_user:
    description:
      - "The account, and its host. The task runs C(chpasswd) and PAM's helper there as root (C(become)). The host gets a hash of
        the password, and the password itself to try it: on standard input, in no argument and no file."
      - An account has one password at a time, so there is no grace period. Each host has a credential of its own.
    type: dict
    suboptions:
      user:
        description:
          - The account. Defaults to the credential's field C(username).
        type: str
      host:
        description:
          - A host of the inventory. Defaults to the task's host.
        type: str
  certificate:
    description:
      - Where the files are, and which server loads them. A shell on the host writes them as the task's user (C(become)), and the
        controller compares the certificate in a TLS handshake with the stored one.
      - A server presents one certificate at a time, so there is no grace period. Each host has a credential of its own.
    type: dict
    suboptions:
      host:
        description:
          - A host of the inventory. Defaults to the task's host.
        type: str
      directory:
        description:
          - The directory with C(privkey.pem), C(fullchain.pem) and C(bundle.pem) (both in one), as an absolute path on the host.
          - It is a link to a directory of the same name with the certificate's fingerprint. The link is replaced in one step.
        type: str
        required: true
      reload:
        description:
          - The program that has the server load the files, and its arguments. It must fail if the server does not take them.
          - It is also run before each handshake, and it is killed after 25 seconds.
        type: list
        elements: str
        required: true
      port:
        description:
          - The port of the server.
        type: int
        default: 443
      address:
        description:
          - The server's address, as seen from the controller. Defaults to that of the host.
        type: str
      server_name:
        description:
          - The name that the handshake asks for. Defaults to the credential's field C(common_name), if it has one.
        type: str
      mode:
        description:
          - "The mode of the files with the key: four octal digits, in quotes."
        type: str
        default: 0600
      owner:
        description:
          - The owner of the files, as C(chown) takes it (C(user:group)). Defaults to the task's user.
        type: str
  command:
    description:
      - The programs that change and try the value. They run on the task's host, by C(/bin/sh) and C(timeout), with only C(PATH),
        C(HOME), C(USER) and C(LANG) in their environment. Only their exit status is read, not their output.
      - "Exit status 0 means done. 77 means refused: the service responded and does not accept the value. 69 and 75 mean that the
        service could not be reached, and that nothing was sent. Every other status means that the outcome is not known."
      - After a crash, a program that changes the value is run again with the same value, so it must be repeatable.
    type: dict
    suboptions:
      apply:
        description:
          - The program that sets the value at the service, and its arguments. Use an absolute path.
          - Arguments are shown. Put no secret into them.
        type: list
        elements: str
        required: true
      verify:
        description:
          - The program that tries the value on a fresh connection, and its arguments. It changes nothing, and ends within 25
            seconds.
          - It is also run with a random wrong value, and must then exit with status 77.
          - "Its arguments are kept in the rotation's journal: an open rotation must be finished with the same arguments."
        type: list
        elements: str
        required: true
      retire:
        description:
          - The program that deletes the value it gets at the service, and its arguments. If the value is absent already, the
            program exits with status 0.
          - Required with O(command.overlap=dual).
        type: list
        elements: str
      secret_in:
        description:
          - How a program gets the value.
          - "V(stdin): the primary field on standard input, with a newline at its end."
          - "V(environment): the primary field as C(NEBULA_VALUE), and every field as C(NEBULA_FIELD_) and its name in capital
            letters, with C(_) for every other character. The host's root and the same user can read it there."
        type: str
        default: stdin
        choices: [stdin, environment]
      overlap:
        description:
          - Whether the service accepts the old and the new value at the same time.
          - "V(none): O(command.apply) replaces the value."
          - "V(dual): O(command.apply) adds a value, and O(command.retire) drops the old one after the grace period."
        type: str
        default: none
        choices: [none, dual]
      time_limit:
        description:
          - After how many seconds O(command.apply) and O(command.retire) are killed with their children, at most 240.
          - A child that leaves their process group (C(setsid)) is not killed.
        type: int
        default: 60
      max_request_life:
        description:
          - Seconds after which a change that a program began can no longer take effect at the service.
          - Defaults to O(command.time_limit) and 60 seconds; at least O(command.time_limit) and 30 seconds. Give more if the
            service continues to work on the change after the program has ended.
        type: int
  target_options:
    description:
      - The options of another collection's target, as that target documents them.
    type: dict
"""
