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
      - V(mysql) changes the password of a user of MySQL or MariaDB.
      - V(redis) changes the password of an ACL user of Redis or Valkey.
      - V(rabbitmq) changes the password of a RabbitMQ user.
      - V(mongodb) changes the password of a MongoDB user. Not tried on a real server.
      - V(ssh_key) changes the key that an account of one host or many accepts (C(authorized_keys)).
      - V(linux_user) changes the password of a local account of a Linux host.
      - V(certificate) changes the certificate, with its key, that a server of a host presents.
      - V(http) changes a value by an HTTP API, whose requests you describe.
      - V(aws_iam) has AWS make an access key of an IAM user, and deletes the old one.
      - V(vault_approle) has HashiCorp Vault or OpenBao make a secret id of an AppRole, and drops the old one.
      - V(vault_static_role) has HashiCorp Vault or OpenBao change the password of a static role of its database engine.
      - V(kubernetes) has Kubernetes make a token of a service account, and revokes the old one.
      - V(ldap) changes the password of an entry of an LDAP directory.
      - V(active_directory) changes the password of an account of Active Directory.
      - V(kerberos) has the KDC of MIT Kerberos make a new key of a principal, whose keytab is stored, and purges the old one.
      - V(oauth2_client) changes the secret of an OAuth 2.0 client, by Keycloak's admin API or by dynamic registration management.
      - V(command) runs programs of your own that change the value, and that try it.
      - A target of another collection (C(namespace.collection.name)) or package takes its options from O(target_options). It is
        loaded on the controller only, if C(nebula.yml) lists it under C(extensions).
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
      hosts:
        description:
          - The host of the inventory whose modules reach the server, as a pattern for one host. Defaults to the task's host.
        type: str
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
      own_login:
        description:
          - Whether the role changes its own password, by a login with the current value, in place of an administrator.
          - "With one value at a time there is no way back then: the old value cannot be sent again with a login that no longer
            works."
        type: bool
        default: false
  mysql:
    description:
      - The MySQL or MariaDB server, and whose password changes there. The module C(mysql_query) of C(community.mysql) reaches it
        from the task's host, which needs C(PyMySQL).
      - MariaDB gets a hash, never the password. The way in which the user logs in, and its rights, stay as they are.
      - "The names of community.mysql are taken too: C(login_host), C(login_port), C(login_db), C(login_unix_socket),
        C(login_user) and C(login_password) (the administrator's), C(ssl_ca), C(ssl_cert), C(ssl_key)."
      - "A single user has no grace period, unless O(mysql.overlap=dual): it has one password at a time."
    type: dict
    suboptions:
      host:
        description:
          - Host name or address, as seen from the task's host. Defaults to the credential's field C(host), or V(localhost).
        type: str
      port:
        description:
          - The port. Defaults to the credential's field C(port), or 3306 if it has none.
        type: int
      probe_host:
        description:
          - Where a value is tried, if applications connect to another address than O(mysql.host), for example a proxy. As seen
            from the task's host. Defaults to O(mysql.host).
        type: str
      probe_port:
        description:
          - The port of O(mysql.probe_host). Defaults to O(mysql.port).
        type: int
      database:
        description:
          - The database with which a value is tried. Defaults to the credential's field C(database), or none.
        type: str
      unix_socket:
        description:
          - A Unix socket, in place of a host.
        type: path
      ca_cert:
        description:
          - A file of CA certificates that verify the server's certificate, on the task's host. The connection then needs TLS.
        type: path
      client_cert:
        description:
          - A client certificate, on the task's host.
        type: path
      client_key:
        description:
          - The key of O(mysql.client_cert), on the task's host.
        type: path
      check_hostname:
        description:
          - Whether the certificate must name the host. On by default with O(mysql.ca_cert).
        type: bool
      allow_insecure_transport:
        description:
          - Allow a connection to another machine without O(mysql.ca_cert). Whoever is in between can then read the value, or the
            hash that MariaDB gets.
        type: bool
        default: false
      user:
        description:
          - The user whose password changes. Defaults to the credential's field C(username).
        type: str
      account_host:
        description:
          - The host part of the account of O(mysql.user) and O(mysql.usernames), as C(mysql.user) has it.
          - A rotation is refused if the server takes a login for an account with another one.
        type: str
        default: '%'
      overlap:
        description:
          - Whether the old password stays valid in the grace period.
          - "V(none): the user has one password."
          - "V(dual): MySQL 8.0.14 and later keep the old one as the second password (C(RETAIN CURRENT PASSWORD)), and drop it
            after the grace period. MariaDB cannot. Not tried on a real server."
        type: str
        default: none
        choices: [none, dual]
      hosts:
        description:
          - The host of the inventory whose modules reach the server, as a pattern for one host. Defaults to the task's host.
        type: str
      usernames:
        description:
          - Two users that take turns. The new value is the other user's user name and password, so that the old one keeps
            working.
          - Both must exist and have the same rights. Consumers must read user name and password in one lookup.
        type: list
        elements: str
      admin_user:
        description:
          - A user that may change the password. Defaults to the user name of O(mysql.admin_credential).
        type: str
      admin_password:
        description:
          - The password of O(mysql.admin_user).
        type: str
      admin_credential:
        description:
          - A credential in the same store that holds the admin's user name and password.
        type: str
      own_login:
        description:
          - Whether the user changes its own password, by a login with the current value, in place of an administrator.
          - "With one value at a time there is no way back then: the old value cannot be sent again with a login that no longer
            works."
        type: bool
        default: false
  redis:
    description:
      - The servers of Redis 6.2 or later, or of Valkey, and whose password changes there. The controller reaches them, not the
        task's host, by the Python package C(redis).
      - A user has the old and the new password in the grace period. A server gets the SHA-256 of a password, never the password.
    type: dict
    suboptions:
      urls:
        description:
          - The servers, each as C(rediss://host:port), or C(redis://) on this machine.
          - "Name every server that has the user: a server passes its users on to no replica and to no other server of a cluster.
            One that is down gets the password in a later run."
          - Defaults to the credential's fields C(host) and C(port).
        type: list
        elements: str
      ca_cert:
        description:
          - A file of CA certificates that verify the servers' certificates, on the controller.
        type: path
      allow_insecure_transport:
        description:
          - Allow C(redis://) to another machine.
        type: bool
        default: false
      user:
        description:
          - The user whose password changes. Defaults to the credential's field C(username).
        type: str
      save:
        description:
          - Where a server keeps its users. Without it, the old password would be back after a restart.
          - "V(acl_file): the file of the server's option C(aclfile) (C(ACL SAVE))."
          - "V(config): the server's configuration file (C(CONFIG REWRITE))."
          - "V(nowhere): in memory alone, if something else writes the users when a server starts."
        type: str
        default: acl_file
        choices: [acl_file, config, nowhere]
      admin_user:
        description:
          - A user that may change the password. Defaults to the user name of O(redis.admin_credential).
        type: str
      admin_password:
        description:
          - The password of O(redis.admin_user).
        type: str
      admin_credential:
        description:
          - A credential in the same store that holds the admin's user name and password.
        type: str
      own_login:
        description:
          - Whether the user changes its own password, by a login with the current value, in place of an administrator.
          - "With one value at a time there is no way back then: the old value cannot be sent again with a login that no longer
            works."
        type: bool
        default: false
  rabbitmq:
    description:
      - The management API of RabbitMQ, and whose password changes there. The controller sends the requests, not the task's host.
        It needs the Python package C(requests).
      - The server gets a salted hash, never the password, except at a login. The user's tags and permissions stay as they are.
      - A single user has no grace period, because it has one password at a time.
    type: dict
    suboptions:
      url:
        description:
          - The address of the management API, for example C(https://rabbit.example.com:15671).
        type: str
        required: true
      ca_cert:
        description:
          - A file of CA certificates that verify the server's certificate, on the controller. Without it, the system's are
            trusted.
        type: path
      client_cert:
        description:
          - A client certificate, on the controller.
        type: path
      client_key:
        description:
          - The key of O(rabbitmq.client_cert), on the controller.
        type: path
      allow_insecure_transport:
        description:
          - Allow C(http://) to another machine.
        type: bool
        default: false
      user:
        description:
          - The user whose password changes. Defaults to the credential's field C(username).
        type: str
      usernames:
        description:
          - Two users that take turns. The new value is the other user's user name and password, so that the old one keeps
            working.
          - Both must exist and have the same rights. Consumers must read user name and password in one lookup.
        type: list
        elements: str
      admin_user:
        description:
          - A user that may change the password. Defaults to the user name of O(rabbitmq.admin_credential).
        type: str
      admin_password:
        description:
          - The password of O(rabbitmq.admin_user).
        type: str
      admin_credential:
        description:
          - A credential in the same store that holds the admin's user name and password.
        type: str
      own_login:
        description:
          - Whether the user changes its own password, by a login with the current value, in place of an administrator.
          - "With one value at a time there is no way back then: the old value cannot be sent again with a login that no longer
            works."
        type: bool
        default: false
  mongodb:
    description:
      - The MongoDB server, and whose password changes there. The controller reaches it, not the task's host, by the Python
        package C(pymongo).
      - The roles of the user stay as they are. A single user has no grace period, because it has one password at a time.
    type: dict
    suboptions:
      url:
        description:
          - The servers, as C(mongodb://host:port,host:port/?replicaSet=name) or C(mongodb+srv://host), without a login.
          - Of its parameters C(replicaSet) and C(directConnection) are taken.
        type: str
        required: true
      ca_cert:
        description:
          - A file of CA certificates that verify the server's certificate, on the controller. Without it, the system's are
            trusted.
        type: path
      client_cert:
        description:
          - A file with a client certificate and its key, on the controller.
        type: path
      allow_insecure_transport:
        description:
          - Connect to another machine without TLS.
        type: bool
        default: false
      user:
        description:
          - The user whose password changes. Defaults to the credential's field C(username).
        type: str
      user_database:
        description:
          - The database in which the user was created.
        type: str
        default: admin
      usernames:
        description:
          - Two users that take turns. The new value is the other user's user name and password, so that the old one keeps
            working.
          - Both must exist and have the same rights. Consumers must read user name and password in one lookup.
        type: list
        elements: str
      admin_user:
        description:
          - A user that may change the password. Defaults to the user name of O(mongodb.admin_credential).
        type: str
      admin_password:
        description:
          - The password of O(mongodb.admin_user).
        type: str
      admin_credential:
        description:
          - A credential in the same store that holds the admin's user name and password.
        type: str
      own_login:
        description:
          - Whether the user changes its own password, by a login with the current value, in place of an administrator.
          - "With one value at a time there is no way back then: the old value cannot be sent again with a login that no longer
            works."
        type: bool
        default: false
      admin_database:
        description:
          - The database in which the administrator was created.
        type: str
        default: admin
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
        default: '0600'
      owner:
        description:
          - The owner of the files, as C(chown) takes it (C(user:group)). Defaults to the task's user.
        type: str
  http:
    description:
      - The requests by which the API takes, tries and drops a value. The controller sends them, by TLS 1.2 or later, and follows
        no redirect to another host. None is repeated.
      - Each request is a mapping of C(method), C(path) (after O(http.url)), C(headers), C(basic) (C(username) and C(password)),
        C(bearer), one of C(json), C(form) and C(body), and the statuses C(done) and C(refused). Every other status means that the
        outcome is not known.
      - "Texts have placeholders: C($(value)) for the value, C($(field.username)) for a field, C($(admin.password)) for a field of
        O(http.admin_credential), C($(id)) for the id of a value that the service made. C($$(…)) is not one. In a path, only
        C($(field.username)), C($(id)) and C($(mark)) are allowed."
      - "What is written here is shown and kept in logs. Put no secret into it: use placeholders."
    type: dict
    suboptions:
      url:
        description:
          - The address of the API, for example C(https://api.example.com/v1). The paths of the requests follow it.
        type: str
        required: true
      apply:
        description:
          - The request that sets the value. Its method is C(PUT) if it names none.
          - It is sent again with the same value after a crash, so the API must take that.
        type: dict
      probe:
        description:
          - The request that tries the value, for example one that reads the account. Its method is C(GET) if it names none.
          - C(refused) is C([401]) if it is not given. It is also sent with a random wrong value, and must then be refused.
        type: dict
        required: true
      retire:
        description:
          - The request that drops a value. Its method is C(DELETE) if it names none. C(404) and C(410) mean that it is gone.
          - Required with O(http.overlap=dual) and with O(http.make).
        type: dict
      make:
        description:
          - "In place of O(http.apply), if the service makes the value: the request for it. Its method is C(POST) if it names
            none."
          - Its parts C(value) and C(id), and C(fields) for further fields, say where the JSON of the response holds them, for
            example C(data.key). C($(mark)) is the id of the rotation.
        type: dict
      list:
        description:
          - "With O(http.make): the request that lists what the service holds. C(items) and, in each item, C(id) say where they
            are."
          - C(mark) is where an item holds the mark that O(http.make) sent, C(created) where it holds its time.
        type: dict
      id_field:
        description:
          - "With O(http.make): the field of the credential that holds the id of its value. The id of a new value is stored
            there."
          - Not needed if the current value was made by this target.
        type: str
      slots:
        description:
          - "With O(http.make): how many values the service accepts at once. Defaults to 2."
        type: int
      sole_owner:
        description:
          - "With O(http.make) and without a mark: only rotations of this credential make values there."
          - So a value that appeared while a response was lost is deleted. Without this, it is only named.
        type: bool
      overlap:
        description:
          - Whether the API accepts the old and the new value at the same time.
          - "V(none): O(http.apply) replaces the value."
          - "V(dual): O(http.apply) adds a value, and O(http.retire) drops the old one after the grace period."
        type: str
        default: none
        choices: [none, dual]
      headers:
        description:
          - Headers of every request, for example C(X-Token) with C($(admin.password)).
        type: dict
      admin_credential:
        description:
          - A credential in the same store that may change the value. Its fields are C($(admin.username)) and so on.
        type: str
      ca_cert:
        description:
          - A file of CA certificates that verify the server's certificate, on the controller.
        type: path
      client_cert:
        description:
          - A PEM file of a client certificate, on the controller.
        type: path
      client_key:
        description:
          - A PEM file of its key, if that is in another file.
        type: path
      allow_plain_http:
        description:
          - Allow C(http://) to another machine. The network can then read the value.
        type: bool
        default: false
      time_limit:
        description:
          - Seconds that one request may take, at most 240.
        type: int
        default: 20
      max_request_life:
        description:
          - Seconds after which a request that was sent can no longer take effect at the service.
          - Defaults to O(http.time_limit) and 60 seconds; at least O(http.time_limit) and 30 seconds.
        type: int
      propagation:
        description:
          - Seconds until a change is visible everywhere. The first probe waits for it.
        type: int
        default: 0
  aws_iam:
    description:
      - The user whose access key changes. The controller sends the requests, by C(botocore).
      - A user has two access keys at most. If it has two before the rotation, the rotation is refused and names them, and no key
        is made. The old key works until it is deleted after the grace period.
    type: dict
    suboptions:
      user:
        description:
          - The name of the IAM user.
        type: str
        required: true
      admin_credential:
        description:
          - A credential of type C(aws) in the same store whose key, or whose role, may make, list and delete the user's keys. If
            it is not given, the current key does that itself.
        type: str
      sole_owner:
        description:
          - Only rotations of this credential make keys of the user. So a key that appeared while a response was lost is deleted.
          - Without this, the rotation stops and names the key, because it may be another party's.
        type: bool
        default: false
      propagation:
        description:
          - Seconds until AWS accepts a new key everywhere. The first probe waits for it; at most 240.
        type: int
        default: 15
      region:
        description:
          - The region. Defaults to the field C(region) of the key that is used, else V(us-east-1).
        type: str
      endpoint_url:
        description:
          - The address of IAM and of STS, if it is not AWS's own.
        type: str
      ca_cert:
        description:
          - A file with the authorities that sign the certificate of O(aws_iam.endpoint_url).
        type: path
  vault_approle:
    description:
      - The role whose secret id changes, and the server. The controller sends the requests.
      - The credential's primary field is the secret id. Old and new are accepted until the old one is dropped after the grace
        period.
    type: dict
    suboptions:
      url:
        description:
          - The address of the server, for example C(https://vault.example.com:8200).
        type: str
        required: true
      namespace:
        description:
          - The namespace.
        type: str
      ca_cert:
        description:
          - A file of CA certificates that verify the server's certificate, on the controller.
        type: path
      admin_credential:
        description:
          - A credential in the same store by which the administrator logs in.
          - "With a token: its field C(token), C(api_key), C(value) or C(password). With V(approle): C(username) is the role id,
            C(password) the secret id. With V(userpass): C(username) and C(password)."
        type: str
        required: true
      admin_login:
        description:
          - What O(vault_approle.admin_credential) holds.
        type: str
        default: token
        choices: [token, approle, userpass]
      admin_mount:
        description:
          - Where the method of O(vault_approle.admin_login) is mounted. Defaults to the name of the method.
        type: str
      role:
        description:
          - The name of the role.
        type: str
        required: true
      mount:
        description:
          - Where the method AppRole is mounted.
        type: str
        default: approle
      role_id:
        description:
          - The id of the role. Defaults to the credential's field C(role_id), else C(username).
        type: str
      metadata:
        description:
          - "Further metadata of the secret ids that are made: texts. It is written into the server's audit log."
        type: dict
      cidr_list:
        description:
          - The networks from which the secret ids that are made can be used.
        type: list
        elements: str
  vault_static_role:
    description:
      - The static role, and the server that changes its password in the database. The controller sends the requests.
      - A password that the server has changed meanwhile is taken over, and none is made. There is no grace period.
    type: dict
    suboptions:
      url:
        description:
          - The address of the server, for example C(https://vault.example.com:8200).
        type: str
        required: true
      namespace:
        description:
          - The namespace.
        type: str
      ca_cert:
        description:
          - A file of CA certificates that verify the server's certificate, on the controller.
        type: path
      admin_credential:
        description:
          - A credential in the same store by which the administrator logs in.
          - "With a token: its field C(token), C(api_key), C(value) or C(password). With V(approle): C(username) is the role id,
            C(password) the secret id. With V(userpass): C(username) and C(password)."
        type: str
        required: true
      admin_login:
        description:
          - What O(vault_static_role.admin_credential) holds.
        type: str
        default: token
        choices: [token, approle, userpass]
      admin_mount:
        description:
          - Where the method of O(vault_static_role.admin_login) is mounted. Defaults to the name of the method.
        type: str
      role:
        description:
          - The name of the static role.
        type: str
        required: true
      mount:
        description:
          - Where the database engine is mounted.
        type: str
        default: database
  kubernetes:
    description:
      - The service account whose token changes, and the API server. The controller sends the requests.
      - Each token is bound to an empty Secret of its own, and ends when that is deleted. Old and new work until the grace period
        is over.
    type: dict
    suboptions:
      url:
        description:
          - The address of the API server, for example C(https://cluster.example.com:6443).
        type: str
        required: true
      ca_cert:
        description:
          - A file of CA certificates that verify the server's certificate, on the controller.
        type: path
      namespace:
        description:
          - The namespace of the service account.
        type: str
        required: true
      service_account:
        description:
          - The name of the service account.
        type: str
        required: true
      admin_credential:
        description:
          - "A credential in the same store with a token that may make tokens of the account, and make, list and delete Secrets:
            its field C(token), C(api_key), C(value) or C(password)."
        type: str
        required: true
      audiences:
        description:
          - For whom the token is, if not for the API server. Then it is tried by a TokenReview of the administrator.
        type: list
        elements: str
      lifetime:
        description:
          - Seconds for which a token is valid, at least 600. The cluster may shorten it.
        type: int
        default: 2592000
      leave_unbound:
        description:
          - Allow a current token that is bound to no Secret. It cannot be revoked, so it works until it ends by itself.
          - "Needed at most once: the tokens that this target has made are bound."
        type: bool
        default: false
  ldap:
    description:
      - The directory, and whose password changes there. It is reached from the controller, which needs C(bonsai), whatever host
        the task names.
      - The server gets the password over TLS and hashes it. An entry has one password at a time, so there is no grace period.
    type: dict
    suboptions:
      url:
        description:
          - "The server: C(ldaps://host) or C(ldap://host). Defaults to the credential's field C(url)."
        type: str
      start_tls:
        description:
          - Whether C(ldap://) is encrypted by StartTLS. Defaults to the credential's field C(start_tls), or V(true).
        type: bool
      ca_cert:
        description:
          - A file on the controller with the authority of the server's certificate. Defaults to the field C(ca_cert), or to those
            of the system.
        type: path
      dn:
        description:
          - The entry whose password changes, a distinguished name. Defaults to the credential's field C(bind_dn).
        type: str
      admin_credential:
        description:
          - A credential in the same store, of type C(ldap), that may change the password.
        type: str
      self_service:
        description:
          - "V(true) if the account changes its own password, with the current one. A change cannot be taken back then: a rotation
            whose new password does not work at once needs a person. Give this or O(ldap.admin_credential)."
        type: bool
  active_directory:
    description:
      - The domain controller, and whose password changes there. It is reached from the controller, which needs C(bonsai),
        whatever host the task names, over TLS alone.
      - "The old password still logs in for a while after a change (O(active_directory.old_accepted_for)). It is no grace period
        to count on: Kerberos refuses it at once."
    type: dict
    suboptions:
      url:
        description:
          - "The server: C(ldaps://host) or C(ldap://host). Defaults to the credential's field C(url)."
        type: str
      start_tls:
        description:
          - Whether C(ldap://) is encrypted by StartTLS. Defaults to the credential's field C(start_tls), or V(true).
        type: bool
      ca_cert:
        description:
          - A file on the controller with the authority of the server's certificate. Defaults to the field C(ca_cert), or to those
            of the system.
        type: path
      dn:
        description:
          - The entry whose password changes, a distinguished name. Defaults to the credential's field C(bind_dn).
        type: str
      admin_credential:
        description:
          - A credential in the same store, of type C(ldap), that may change the password.
        type: str
      self_service:
        description:
          - "V(true) if the account changes its own password, with the current one. A change cannot be taken back then: a rotation
            whose new password does not work at once needs a person. Give this or O(active_directory.admin_credential)."
        type: bool
      base_dn:
        description:
          - Where the account is searched, if only its name is known. Defaults to the credential's field C(base_dn), or to the
            domain of the server.
        type: str
      old_accepted_for:
        description:
          - For how many seconds the domain accepts an old password (C(OldPasswordAllowedPeriod)).
        type: int
        default: 3600
      min_interval:
        description:
          - "The shortest time between two changes, in seconds: the minimum password age of the domain. A rotation before that is
            refused, with the earliest time. Defaults to a day with O(active_directory.self_service), else to 0: an administrator
            is not bound by it."
        type: int
  kerberos:
    description:
      - The administrator who changes the key. C(kadmin) on the controller contacts the KDC; no host is contacted.
      - Tickets that were made with the old key are valid until they end, so the old keytab is kept for a grace period of 25 hours
        unless O(grace) says otherwise. Logins with the old key are refused at once.
    type: dict
    suboptions:
      admin_credential:
        description:
          - "A credential in the same store, of type C(kerberos): the principal that may inquire, change and extract the keys of
            the other one, and purge them."
        type: str
        required: true
      admin_server:
        description:
          - The host of C(kadmind), with a port if it is not 749. Defaults to the first of the credential's field C(kdc), or to
            that of the machine's configuration.
        type: str
      propagation:
        description:
          - Seconds until every KDC has a change, if the realm has several. The new key is tried after that.
        type: int
        default: 0
  oauth2_client:
    description:
      - The client whose secret changes, and the authorization server. The controller sends the requests.
      - The client is the credential's field C(client_id), else C(username); its secret is C(client_secret), else the primary
        field. A client has one secret at a time, so there is no grace period.
    type: dict
    suboptions:
      api:
        description:
          - How the secret is changed.
          - "V(keycloak): an administrator sets it, by the admin API."
          - "V(registration): the server issues it when the client's record is updated (RFC 7592), and shows it in the record.
            Only servers that issue a new secret with each update are supported."
        type: str
        required: true
        choices: [keycloak, registration]
      url:
        description:
          - With V(keycloak) the address of the server, for example C(https://id.example.com). With V(registration) the address of
            the client's record, which its registration gave as C(registration_client_uri).
        type: str
        required: true
      realm:
        description:
          - "With V(keycloak): the realm of the client."
        type: str
      admin_credential:
        description:
          - A credential in the same store by which the change is made.
          - "V(keycloak): C(username) and C(password) of O(oauth2_client.admin_login)."
          - "V(registration): the registration access token, in a field C(token), C(api_key), C(value) or C(password)."
        type: str
        required: true
      admin_login:
        description:
          - "With V(keycloak): V(client) for the id and the secret of a client with a service account, V(user) for a user."
          - Defaults to V(client).
        type: str
        choices: [client, user]
      admin_realm:
        description:
          - "With V(keycloak): the realm of the administrator. Defaults to O(oauth2_client.realm)."
        type: str
      keeps_registration_token:
        description:
          - "With V(registration), and required there: the server keeps the registration access token valid after an update."
          - If it issues another one with each update, a response that is lost would take the access to the client with it.
        type: bool
      token_url:
        description:
          - The token endpoint, at which a secret is tried. Defaults to the field C(token_url), or to that of
            O(oauth2_client.realm).
        type: str
      client_auth:
        description:
          - How the client sends its secret there. Defaults to the field C(client_auth), else V(client_secret_basic).
        type: str
        choices: [client_secret_basic, client_secret_post]
      ca_cert:
        description:
          - A file of CA certificates that verify the server's certificate, on the controller.
        type: path
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
      hosts:
        description:
          - "Inventory patterns, as in C(hosts:) of a play: the hosts on which the programs run. Defaults to the task's host."
          - Several need O(command.overlap=dual). C(--limit) does not change it, because a host that is left out would keep a
            value.
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
