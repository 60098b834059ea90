# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wrong inputs, as a new user makes them, and the message that each must give: what is wrong, where, and what to do."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Tuple

MODULE = "nebula.credential.credential"
INFO = "nebula.credential.credential_info"
ROTATE = "nebula.credential.credential_rotate"


class Wrong(NamedTuple):
    """One wrong input.

    Attributes:
        name: what a user did.
        task: the task, as YAML would hold it.
        code: the code of the failure. A lookup has it at the end of its message.
        says: parts of the message: what is wrong, where, and what to do.
    """

    name: str
    task: Mapping[str, Any]
    code: str
    says: Tuple[str, ...]


def read(arguments: str, lookup: str = "get") -> Mapping[str, Any]:
    """A task that reads by a lookup with these arguments."""
    return {"ansible.builtin.debug": {"msg": "{{ lookup('nebula.credential." + lookup + "', " + arguments + ") }}"}}


def described(store: Any, **environment: str) -> Mapping[str, Any]:
    """A task that opens a store."""
    return {INFO: {"names": ["db"], "store": store}, "environment": environment}


def configured(name: str) -> Mapping[str, Any]:
    """A task that reads a configuration file of the test."""
    return {INFO: {"names": ["db"]}, "environment": {"NEBULA_CREDENTIAL_CONFIG": "{{ playbook_dir }}/" + name}}


CONFIGURATIONS = {
    "broken.yml": "default: prod\nstores:\n  prod: {backend: local\n",
    "plural.yml": "default: prod\nstore:\n  prod: {backend: local}\n",
    "other.yml": "default: prd\nstores:\n  prod: {backend: local, path: prod}\n",
    "template.yml": 'default: prod\nstores:\n  prod: {backend: local, path: "{{ inventory_dir }}/prod"}\n',
    "list.yml": "- default: prod\n",
}
"""The configuration files that the table names."""

STORED = [
    {"name": "db", "type": "basic", "fields": {"username": "app"}},
    {"name": "late", "ttl": "1s"},
    {"name": "gone"},
    {"name": "pair", "fields": {"left": "a", "right": "b"}},
    {"name": "eve/pass", "scope": {"user": "eve"}},
    {"name": "image", "value": "AP8QgA==", "encoding": "base64"},
]
"""What is in the store; `late` has expired, and `gone` is revoked."""

OF_A_CREDENTIAL = (
    Wrong("a module's option with a typing error", {MODULE: {"nme": "db"}}, "invalid_input", ("nme", "name")),
    Wrong("an unknown type", {MODULE: {"name": "x", "type": "basics"}}, "unsupported_type", ("'basics'", "'x'", "basic")),
    Wrong("a duration in words", {MODULE: {"name": "x", "ttl": "banana"}}, "invalid_input", ("option 'ttl'", "banana", "d")),
    Wrong("a state that there is not", {MODULE: {"name": "x", "state": "here"}}, "invalid_input", ("state", "here", "present")),
    Wrong("a value twice", {MODULE: {"name": "db", "value": "x", "fields": {"password": "y"}}}, "invalid_input", ("'password'", "'db'")),
    Wrong("one and several", {MODULE: {"name": "x", "credentials": [{"name": "y"}]}}, "invalid_input", ("name", "credentials")),
    Wrong("neither one nor several", {MODULE: {"type": "basic"}}, "invalid_input", ("name", "credentials")),
    Wrong(
        "a date in words",
        {MODULE: {"name": "x", "expires_at": "tomorrow"}},
        "invalid_input",
        ("option 'expires_at'", "tomorrow", "ISO 8601"),
    ),
    Wrong("a date without an offset", {MODULE: {"name": "x", "expires_at": "2030-01-01"}}, "invalid_input", ("'expires_at'", "offset")),
    Wrong("an unknown kind of policy", {MODULE: {"name": "x", "policy": {"kind": "weekly"}}}, "invalid_input", ("weekly", "periodic")),
    Wrong("a period that is not said", {MODULE: {"name": "x", "policy": {"kind": "periodic"}}}, "invalid_input", ("'every'", "'x'")),
    Wrong("a period without a kind", {MODULE: {"name": "x", "policy": {"every": "9d"}}}, "invalid_input", ("every", "kind", "periodic")),
    Wrong("an unknown field", {MODULE: {"name": "db", "fields": {"user": "x"}}}, "invalid_input", ("'user'", "'db'", "username")),
    Wrong("another type than it has", {MODULE: {"name": "db", "type": "api_key"}}, "type_mismatch", ("'basic'", "'api_key'", "'db'")),
    Wrong("a name with a blank", {MODULE: {"name": "db pass"}}, "invalid_input", ("'db pass'", "option 'name'", "letters")),
    Wrong("a name that is too long", {MODULE: {"name": "x" * 300}}, "invalid_input", ("300 characters", "option 'name'", "at most")),
    Wrong(
        "a version to delete",
        {MODULE: {"name": "db", "state": "absent", "version": "1"}},
        "invalid_input",
        ("'version'", "'db'", "leave 'version' out"),
    ),
    Wrong("a version that is not kept", {MODULE: {"name": "db", "state": "restored", "version": "7"}}, "not_found", ("'7'", "'db'", "1")),
    Wrong("base64 that is none", {MODULE: {"name": "x", "value": "%%%", "encoding": "base64"}}, "invalid_input", ("'value'", "base64")),
    Wrong("a password that is too short", {MODULE: {"name": "x", "generate": {"length": 3}}}, "invalid_input", ("length", "8")),
    Wrong("a boolean as a value", {MODULE: {"name": "x", "value": True}}, "invalid_input", ("value", "'x'", "bool", "Quote")),
    Wrong("a number as a value", {MODULE: {"name": "x", "value": 83}}, "invalid_input", ("value", "'x'", "int", "Quote")),
    Wrong("a mapping as a value", {MODULE: {"name": "x", "value": {"a": 1}}}, "invalid_input", ("value", "'x'", "to_json")),
    Wrong("an empty value", {MODULE: {"name": "db", "value": ""}}, "invalid_input", ("empty", "'db'", "allow_empty")),
    Wrong("text where there are suboptions", {MODULE: {"name": "x", "scope": 3.14}}, "invalid_input", ("scope", "float")),
    Wrong("a limit of none", {INFO: {"limit": 0}}, "invalid_input", ("option 'limit'", "it is 0", "1 or more")),
    Wrong("a query with an error", {INFO: {"query": "[?"}}, "invalid_input", ("option 'query'", "JMESPath", "jmespath.org")),
    Wrong("a lifecycle that there is not", {INFO: {"lifecycle": ["awake"]}}, "invalid_input", ("lifecycle", "awake", "active")),
    Wrong(
        "two ways to say when", {INFO: {"expires_before": "2030-01-01T00:00:00Z", "expires_within": "1d"}}, "invalid_input", ("expires_",)
    ),
)
EMPTY = ("it is empty", "Leave it out, or use omit")
OF_AN_EMPTY_TEXT = (
    Wrong(
        "an empty version to delete",
        {MODULE: {"name": "db", "state": "absent", "version": "{{ lookup('ansible.builtin.env', 'NOT_SET_HERE') }}"}},
        "invalid_input",
        ("option 'version'", "credential 'db'", *EMPTY),
    ),
    Wrong("an empty version to restore", {MODULE: {"name": "db", "state": "restored", "version": ""}}, "invalid_input", EMPTY),
    Wrong("an empty type", {MODULE: {"name": "x", "type": ""}}, "invalid_input", ("option 'type'", *EMPTY)),
    Wrong("an empty store", {MODULE: {"name": "x", "store": ""}}, "invalid_input", ("option 'store'", *EMPTY)),
    Wrong("an empty name to describe", {INFO: {"name": ""}}, "invalid_input", ("option 'name'", *EMPTY)),
    Wrong("an empty field to read", read("'db', field=''"), "invalid_input", ("option 'field'", *EMPTY)),
    Wrong("an empty version to read", read("'db', version='', default='D'"), "invalid_input", ("option 'version'", *EMPTY)),
    Wrong("an empty store to read", read("'db', store=''"), "invalid_input", ("option 'store'", *EMPTY)),
    Wrong(
        "an empty type to find",
        {"ansible.builtin.debug": {"msg": "{{ lookup('nebula.credential.find', type='') }}"}},
        "invalid_input",
        ("option 'type'", *EMPTY),
    ),
    Wrong("an empty grace period", {ROTATE: {"name": "db", "target": "none", "grace": ""}}, "invalid_input", ("option 'grace'", *EMPTY)),
)
OF_A_DESCRIPTION = (
    Wrong("a filter with a name", {INFO: {"name": "db", "due": True}}, "invalid_input", ("mutually exclusive", "name|due")),
    Wrong("a filter with names", {INFO: {"names": ["db"], "tags": ["q"]}}, "invalid_input", ("mutually exclusive", "names|tags")),
)
OF_A_LIST = (
    Wrong(
        "an option of an element with a typing error",
        {MODULE: {"credentials": [{"name": "x"}, {"name": "y", "generate": {"lenght": 9}}]}},
        "invalid_input",
        ("credentials[1] (y): Unsupported parameters: generate.lenght", "'generate.length' in place of"),
    ),
    Wrong(
        "an element without a name", {MODULE: {"credentials": [{"name": "x"}, {}]}}, "invalid_input", ("credentials[1]: missing", "name")
    ),
    Wrong(
        "an element with a state that there is not",
        {MODULE: {"credentials": [{"name": "x", "state": "gone"}]}},
        "invalid_input",
        ("credentials[0] (x): value of state must be one of", "absent"),
    ),
)
OF_A_READ = (
    Wrong("a name with a typing error", read("'db_pas'"), "not_found", ("'db_pas'", "store 'prod'", "no credential of that name")),
    Wrong("a lookup's option with a typing error", read("'db', feild='username'"), "invalid_input", ("feild", "field")),
    Wrong("two names", read("'db', 'late'"), "invalid_input", ("exactly one", "2", "loop:", "get_many")),
    Wrong("a list of names", read("['db']"), "invalid_input", ("a list", "loop:", "get_many")),
    Wrong("an empty list of names", read("[]"), "invalid_input", ("a list", "loop:", "get_many")),
    Wrong(
        "names for a loop",
        {"ansible.builtin.debug": {"msg": "{{ item }}"}, "with_nebula.credential.get": ["db", "late"]},
        "invalid_input",
        ("exactly one", "2 names", "loop:"),
    ),
    Wrong("a field with a typing error", read("'db', field='user'"), "no_token", ("'user'", "'db'", "username")),
    Wrong("no field of several", read("'pair', default='x'"), "invalid_input", ("'field'", "'pair'", "left, right")),
    Wrong("no field of several, among more", read("'db', 'pair', default='x'", "get_many"), "invalid_input", ("'pair'", "left, right")),
    Wrong("one that expired", read("'late'"), "expired", ("'late'", "it expired at", "rotate")),
    Wrong("one that is revoked", read("'gone'"), "revoked", ("'gone'", "revoked", "create another")),
    Wrong("one of another user", read("'eve/pass'"), "access_denied", ("'eve/pass'", "scope", "'user'")),
    Wrong("a version to read that is not kept", read("'db', version='7'"), "not_found", ("'7'", "'db'")),
    Wrong("bytes as text", read("'image'"), "invalid_token", ("'image'", "not text", "base64")),
    Wrong("a default that is not given", read("'x', on_missing='default'"), "invalid_input", ("on_missing", "Give 'default'")),
    Wrong("a reaction that there is not", read("'x', on_missing='ignore'"), "invalid_input", ("on_missing", "skip")),
)
OF_A_CONFIGURATION = (
    Wrong("a store with a typing error", described("prd"), "invalid_configuration", ("'prd'", "nebula.yml", "prod")),
    Wrong("an unknown backend", described({"backend": "hashi_vault"}), "invalid_configuration", ("'hashi_vault'", "'backend'", "vault")),
    Wrong("no backend", described({"path": "/tmp/x"}), "invalid_configuration", ("'backend'", "backend: local")),
    Wrong("a number as a store", described(5), "invalid_configuration", ("store", "int", "name")),
    Wrong(
        "a store's option with a typing error", described({"backend": "local", "pth": "/x"}), "invalid_configuration", ("'pth'", "'path'")
    ),
    Wrong(
        "a number in words", described({"backend": "local", "keep_versions": "many"}), "invalid_configuration", ("'keep_versions'", "int")
    ),
    Wrong(
        "plain text, by the way",
        described({"backend": "local", "encrypt": False}),
        "invalid_configuration",
        ("'encrypt'", "allow_plaintext"),
    ),
    Wrong(
        "a file that is not there",
        configured("nothing.yml"),
        "invalid_configuration",
        ("nothing.yml", "no file", "NEBULA_CREDENTIAL_CONFIG"),
    ),
    Wrong("a file that is no YAML", configured("broken.yml"), "invalid_configuration", ("broken.yml", "line")),
    Wrong("a file with 'store'", configured("plural.yml"), "invalid_configuration", ("plural.yml", "'store'", "stores")),
    Wrong("a file that is a list", configured("list.yml"), "invalid_configuration", ("list.yml", "stores")),
    Wrong("a default that there is not", configured("other.yml"), "invalid_configuration", ("'prd'", "other.yml", "prod")),
    Wrong("a template in a file", configured("template.yml"), "invalid_configuration", ("{{", "template.yml", "nebula_credential_stores")),
    Wrong(
        "a directory of others",
        described({"backend": "local", "path": "{{ playbook_dir }}/open"}),
        "insecure_permissions",
        ("open", "chmod"),
    ),
)
OF_A_ROTATION = (
    Wrong("no target", {ROTATE: {"name": "db"}}, "invalid_input", ("target", "'db'", "none")),
    Wrong("a target that there is not", {ROTATE: {"name": "db", "target": "mysqll"}}, "invalid_input", ("'mysqll'", "mysql")),
    Wrong("a phase that there is not", {ROTATE: {"name": "db", "phase": "begin"}}, "invalid_input", ("phase", "begin", "prepare")),
    Wrong(
        "a target without its options",
        {ROTATE: {"name": "db", "target": "command"}},
        "invalid_input",
        ("the target 'command' has no options", "option 'command'", "'command: {apply: …, verify: …}'"),
    ),
    Wrong("nothing to promote", {ROTATE: {"name": "db", "phase": "commit"}}, "invalid_input", ("'db'", "prepare")),
    Wrong("a name that is not stored", {ROTATE: {"name": "db_pas", "target": "none"}}, "not_found", ("'db_pas'", "store 'prod'")),
)
VAULT = {"backend": "vault", "url": "{{ vault_url }}", "auth": {"token": "{{ vault_token }}"}, "max_retries": 0}
OF_A_SERVER = (
    Wrong("no address", described({"backend": "vault"}), "invalid_configuration", ("'url'", "VAULT_ADDR")),
    Wrong("an address without https", described({**VAULT, "url": "vault.example.com"}), "invalid_configuration", ("'url'", "https://")),
    Wrong(
        "http to another machine",
        described({**VAULT, "url": "http://192.0.2.1:8200"}),
        "invalid_configuration",
        ("'url'", "allow_insecure_transport"),
    ),
    Wrong(
        "https to a port of http",
        described({**VAULT, "url": "{{ vault_url | replace('http:', 'https:') }}"}),
        "storage",
        ("url", "http://"),
    ),
    Wrong(
        "a server that is down",
        described({**VAULT, "url": "http://127.0.0.1:1"}),
        "unavailable",
        ("http://127.0.0.1:1", "cannot be reached"),
    ),
    Wrong("a host that has no address", described({**VAULT, "url": "https://nothing.invalid"}), "unavailable", ("nothing.invalid",)),
    Wrong("a login as text", described({**VAULT, "auth": "hvs.x"}), "invalid_configuration", ("'auth'", "a mapping: 'auth: {")),
    Wrong(
        "a method with a typing error", described({**VAULT, "auth": {"method": "aprole"}}), "invalid_configuration", ("'aprole'", "approle")
    ),
    Wrong(
        "a method without its option",
        described({**VAULT, "auth": {"method": "approle"}}),
        "invalid_configuration",
        ("'role_id'", "approle"),
    ),
    Wrong("a wrong token", described({**VAULT, "auth": {"token": "hvs.wrong"}}), "login_failed", ("token", "auth")),
    Wrong(
        "a token file that is not there",
        described({**VAULT, "auth": {"token_file": "/nothing"}}),
        "invalid_configuration",
        ("'/nothing'", "token_file"),
    ),
    Wrong("a mount that there is not", described({**VAULT, "mount": "sekret"}), "invalid_configuration", ("'sekret'", "mount")),
)
TABLE = OF_A_CREDENTIAL + OF_AN_EMPTY_TEXT + OF_A_LIST + OF_A_DESCRIPTION + OF_A_READ + OF_A_CONFIGURATION + OF_A_ROTATION + OF_A_SERVER
