# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential plugin of AWX: each read of a field that is linked to it reads a credential of a store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import yaml
from awx_plugins.credentials.plugin import CredentialPlugin

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import (
    change_part,
    fill_from_environment,
    find_variable,
    read_part,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import read_traits
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import FROM_FILE, FROM_VARIABLE, BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.context.deadline import within
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import ON_CONTROLLER, PATHS, SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidConfiguration,
    InvalidInput,
    InvalidToken,
    as_credential_error,
)
from ansible_collections.nebula.credential.plugins.module_utils.locks.registry import KINDS, find_row
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import LISTS_OF_SOURCES, LOCK, resolve_store_aliases
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RECIPES
from ansible_collections.nebula.credential.plugins.plugin_utils.config.option_traits import STORE_PATHS

TIME_LIMIT = 30.0
"""Seconds that one read may take. AWX itself sets no limit."""
NAME = "nebula.credential store"
COMMAND = "command"
"""The part of a refresh that names a program."""
FILES_VARIABLE = "NEBULA_CREDENTIAL_AWX_FILES"
"""The environment variable of AWX's own processes that names the directory whose files a store may name."""
_SOURCE = "credential_source"
"""The member of a login in JSON that says where its token is."""

INPUTS: dict[str, Any] = {
    "fields": [
        {
            "id": "store",
            "label": "Store",
            "type": "string",
            "multiline": True,
            "secret": True,
            "help_text": "The configuration of one store, as in nebula.yml below its name: backend and its options, the login included.",
        },
        {
            "id": "passphrase",
            "label": "Passphrase",
            "type": "string",
            "secret": True,
            "help_text": "The passphrase of an encrypted store, if its configuration has no key_sources.",
        },
    ],
    "metadata": [
        {"id": "name", "label": "Credential", "type": "string", "help_text": "The name of the credential in the store."},
        {"id": "field", "label": "Field", "type": "string", "help_text": "The field to read. Without it: the primary one."},
        {"id": "version", "label": "Version", "type": "string", "help_text": "The version to read. Without it: the current one."},
    ],
    "required": ["store", "name"],
}


def read_credential(**given: Any) -> str:
    """Return the text of one field.

    Args:
        **given: the inputs and the metadata of `INPUTS`, as AWX passes them. Empty texts count as left out.

    Raises:
        InvalidConfiguration: the store's configuration is wrong, or names a file or an environment variable of AWX's own machine.
        NotFound, NoToken, Expired, AccessDenied, WrongPassphrase, Unavailable: as the class says. AWX shows only the class.
    """
    try:
        return _read(given)
    except Exception as error:  # noqa: BLE001  # whatever it is, AWX gets an error of the collection, without a value
        raise as_credential_error(error) from None


def _read(given: Mapping[str, Any]) -> str:
    known = [field["id"] for part in ("fields", "metadata") for field in INPUTS[part]]
    values = {name: value for name, value in given.items() if value not in (None, "")}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InvalidInput("there is no input {0}".format(ascii(unknown[0])), remedy="Allowed: {0}.".format(", ".join(known)))
    missing = [name for name in INPUTS["required"] if name not in values]
    if missing:
        raise InvalidInput("the input is missing", option=missing[0])
    config = read_configuration(str(values["store"]), str(values.get("passphrase", "")))
    with within(TIME_LIMIT, "reading a credential for AWX"):
        manager = open_store(config, name="awx")
        try:
            credential = manager.get(str(values["name"]), values.get("version"), context=AccessContext())
            value = credential.token(values.get("field")).expose()
        finally:
            manager.close()
    try:
        return str(value.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidToken("the value is not text", name=str(values["name"]), remedy="AWX takes text only. Name another field.") from None


def read_configuration(text: str, passphrase: str) -> dict[str, Any]:
    """Return the configuration of a store.

    Raises:
        InvalidConfiguration: it is no mapping, gives the key twice, or names what is AWX's own.
    """
    config = _parse(text)
    if not isinstance(config, dict) or "stores" in config:
        remedy = "Write the options of one store, as in nebula.yml below its name: 'backend: ...'."
        raise InvalidConfiguration("it is not the configuration of one store", option="store", remedy=remedy)
    if passphrase and "key_sources" in config:
        raise InvalidConfiguration(
            "the key is given twice", option="key_sources", remedy="Leave out the input 'passphrase' or 'key_sources'."
        )
    if passphrase:
        config["key_sources"] = [{"source": "passphrase", "passphrase": passphrase}]
    return _check_store(config)


class _Loader(yaml.SafeLoader):
    """YAML without aliases, of which a few lines can stand for more than fits into memory, and without a key that is there twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise InvalidConfiguration("it has an alias of YAML", option="store", remedy="Write the value in each place.")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        names = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) != len(names):
            raise InvalidConfiguration("it has an option twice", option="store", remedy="Write each option once.")
        return super().construct_mapping(node, deep)


def _parse(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # it is a safe loader
    except yaml.YAMLError:
        raise InvalidConfiguration("it is not YAML", option="store", remedy="Write it as in nebula.yml.") from None


def _check_store(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return a store's configuration, and those of the stores in it that its login needs, each checked."""
    config = resolve_store_aliases(written)
    traits = read_traits(config.get("backend"))
    _check_own(config, traits)
    for part, of_part in ((config, traits), *_list_connections(config)):
        _check_variables(part, of_part)
    for option in traits.credentials:
        if read_part(config, option + ".store") is not None:
            config = change_part(config, option + ".store", _check_login_store)
    # A file in the home of AWX's own processes, which vanishes with its container, would be no trail.
    return {"audit": "off", **config}


def _list_connections(config: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], BackendTraits]]:
    """Yield the parts of a store's configuration that name a server of their own, with what those connections declare."""
    lock = config.get(LOCK)
    if isinstance(lock, Mapping) and lock.get("kind") in KINDS:
        yield lock, find_row(lock["kind"])[0]
    for option in LISTS_OF_SOURCES:
        sources = read_part(config, option)
        for source in sources if isinstance(sources, list) else ():
            kind = source.get("source") if isinstance(source, Mapping) else None
            if isinstance(kind, str) and kind in SOURCES:
                if kind in ON_CONTROLLER:
                    what = "the key source '{0}' is one of AWX's own machine".format(kind)
                    raise InvalidConfiguration(what, option=option, remedy="Use one of a server, or a passphrase.")
                yield source, SOURCES[kind]


def _check_login_store(written: Any) -> Any:
    """Return the configuration of a store that a login needs. What is none is left to the store."""
    return _check_store(written) if isinstance(written, Mapping) else written


def _check_own(config: Mapping[str, Any], traits: BackendTraits) -> None:
    """Check that the configuration names nothing of AWX's own machine: who may write it need not be who may read files there.

    Raises:
        InvalidConfiguration: it names a file or a socket outside the allowed directory, an environment variable, or programs.
    """
    if traits.runs_programs or (traits.directory and config.get(traits.directory) is None):
        remedy = "Use a store on a server. Whoever runs AWX may allow a directory, by the variable {0}.".format(FILES_VARIABLE)
        raise InvalidConfiguration("the plugin opens no store on AWX's own machine", option="backend", remedy=remedy)
    if any(option == COMMAND for option, _value in _walk(config.get(RECIPES))):
        remedy = "Write a refresh by a request ('url')."
        raise InvalidConfiguration("the plugin runs no program on AWX's own machine", option=RECIPES, remedy=remedy)
    paths = {path.rpartition(".")[2] for path in (*STORE_PATHS, *PATHS, *traits.paths, *traits.parts_with_paths)}
    for option, value in _walk(config):
        if option.endswith(FROM_VARIABLE):
            raise InvalidConfiguration("the variables are those of AWX's own processes", option=option, remedy="Write the value itself.")
        if (option in paths or option.endswith(FROM_FILE) or _is_file_address(option, value)) and not _is_allowed(value):
            what = "the file is one of AWX's own machine"
            remedy = "Leave it out. Whoever runs AWX may allow the files of one directory, by the variable {0}.".format(FILES_VARIABLE)
            raise InvalidConfiguration(what, option=option, remedy=remedy)


def _check_variables(config: Mapping[str, Any], traits: BackendTraits) -> None:
    """Check that no variable of AWX's own processes is a part of the login: the store's address decides who would get it.

    Raises:
        InvalidConfiguration: one would be.
    """
    logins = {login + ending for login in (*traits.login, *traits.secrets) for ending in ("", FROM_FILE)}
    filled = fill_from_environment(traits, config, os.environ).variables
    for option in logins & set(traits.environment):
        # Parts of mappings are left to the backend, which reads the variables of those that are not written.
        is_written = any(read_part(config, option.removesuffix(FROM_FILE) + ending) is not None for ending in ("", FROM_FILE))
        found = find_variable(traits.environment[option], os.environ) if "." in option and not is_written else filled.get(option)
        if found:
            what = "it would come from the variable {0} of AWX's own processes".format(found)
            raise InvalidConfiguration(what, option=option, remedy="Write the value itself, or unset the variable there.")


def _is_file_address(option: str, value: object) -> bool:
    """Return True for the address of a file or a socket of this machine, and for a login that reads its token there."""
    if not isinstance(value, str):
        return False
    # Parsers of URLs leave out white space and control characters.
    text = "".join(char for char in value if char > " ").lower()
    if option.endswith("url"):
        return text.startswith("sqlite") or "=/" in unquote(text.partition("?")[2])
    return text.startswith(("/", "@")) if option == "host" else text.startswith("{") and _has_source(value)


def _has_source(text: str) -> bool:
    """Return True for a login in JSON that says where its token is: in a file, at an address, or what a program prints."""
    try:
        waiting = [read_json(text)]
    except ValueError:
        return False
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if _SOURCE in part:
                return True
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False


def _walk(config: Any, option: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every option and part, at any depth, with its value."""
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield from _walk(value, str(name))
    elif isinstance(config, list):
        for value in config:
            yield from _walk(value, option)
    elif config is not None:
        yield option, config


def _is_allowed(value: object) -> bool:
    allowed, path = os.environ.get(FILES_VARIABLE), str(value)
    if not allowed or not os.path.isabs(path):
        return False
    root = os.path.realpath(allowed)
    return os.path.commonpath([root, os.path.realpath(path)]) == root


NEBULA = CredentialPlugin(NAME, inputs=INPUTS, backend=read_credential)  # type: ignore[arg-type]
