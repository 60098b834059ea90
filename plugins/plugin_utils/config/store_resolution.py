# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the store to use, and its configuration (A10; DESIGN section 4).

`store:` wins over the variable, the environment, ansible.cfg, the configuration file's default, and `local`. Nothing
here opens a store or uses a network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible import constants
from ansible.errors import AnsibleValueOmittedError
from ansible.module_utils.common.validation import check_type_dict
from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, fill_from_play
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import (
    LOCAL,
    StoreReference,
    check_store_name,
    inline_store,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import has_key_sources, resolve_store_aliases
from ansible_collections.nebula.credential.plugins.plugin_utils.config.ansible_cfg import (
    INI_KEY,
    INI_SECTION,
    SESSION_KEY,
    read_ansible_cfg,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.config.configuration_path import (
    CONFIG_ENVIRONMENT,
    EXTENSIONS,
    FILE_NAME,
    OutOfReach,
    check_extensions,
    check_who_can_change,
    find_configuration,
    find_unused,
    is_pipe,
    place_of_paths,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import refuse_fact, to_native
from ansible_collections.nebula.credential.plugins.plugin_utils.config.plain_text import TEMPLATE_MARKS, refuse_templates
from ansible_collections.nebula.credential.plugins.plugin_utils.config.relative_paths import beside_file
from ansible_collections.nebula.credential.plugins.plugin_utils.config.session_options import session_options

STORE_OPTION = "store"
STORE_VARIABLE = "nebula_credential_store"
STORES_VARIABLE = "nebula_credential_stores"
STORE_ENVIRONMENT = "NEBULA_CREDENTIAL_STORE"
_LONGEST = 300
TARGETS = "targets"
_FILE_KEYS = ("default", "stores", TARGETS, "session", EXTENSIONS)
SESSION_VARIABLE = "nebula_credential_session"
SESSION_ENVIRONMENT = "NEBULA_CREDENTIAL_SESSION"


@dataclass(frozen=True)
class RunConfig:
    """What can choose or define a store in a run, apart from the option itself.

    Attributes:
        variables: the host's variables, raw.
        environment: the process's environment, with the task's `environment:` over it.
        template: resolves a template in a variable.
        load: reads a YAML file, Ansible Vault content included.
        ansible_cfg: the ansible.cfg in use, if any.
        load_piped: reads the YAML that comes through a pipe, with the run's `session` options.
        warn: the function for warnings.
    """

    variables: Mapping[str, Any]
    environment: Mapping[str, str]
    template: Callable[[Any], Any]
    load: Callable[[str], Any]
    ansible_cfg: str | None = None
    load_piped: Callable[[str, Mapping[str, Any]], Any] | None = None
    warn: Callable[[str], object] = lambda _message: None


def build_run_config(
    loader: Any, templar: Any, variables: Mapping[str, Any], read_piped: Callable[[str, Mapping[str, Any]], str] | None = None
) -> RunConfig:
    """Return the surroundings of this process's run, for a plugin that has these variables.

    `read_piped` returns the text of a configuration that comes through a pipe. Without it such a configuration is refused.
    """
    return RunConfig(
        variables=variables,
        environment=os.environ,
        template=templar.template,
        load=loader.load_from_file,
        ansible_cfg=constants.CONFIG_FILE,
        load_piped=None if read_piped is None else lambda path, session: loader.load(read_piped(path, session), path, show_content=False),
        warn=Display().warning,
    )


@dataclass(frozen=True)
class _ConfigurationFile:
    path: str = ""
    default: str | None = None
    stores: Mapping[str, Any] = field(default_factory=dict)
    session: Any = None
    extensions: tuple[str, ...] = ()
    targets: Mapping[str, Any] = field(default_factory=dict)


def resolve_store(option: Any, around: RunConfig, option_name: str = STORE_OPTION) -> StoreReference:
    """Find the store to use.

    Args:
        option: the option `store`: a name, a whole mapping, or None.
        around: everything else that may name a store.
        option_name: what the option is called, for messages.

    Raises:
        InvalidConfiguration: the store is unknown (the message lists the known ones), or a place that names
            stores is invalid.
    """
    chosen, place = choose_store(around) if option is None else (option, option_name)
    if _is_mapping_as_text(chosen):
        chosen = _parse(chosen, place)
    if place not in (option_name, STORE_VARIABLE):
        refuse_templates(chosen, place, "")
    if isinstance(chosen, Mapping):
        found = inline_store(_decrypt(chosen, place))
        return replace(found, config=_admit(found.config, False, around))
    if chosen is not None and not isinstance(chosen, str):
        raise InvalidConfiguration(
            "a store is a name or a mapping, not {0}".format(type(chosen).__name__), option=place, remedy="Write a store's name."
        )
    return _find_named(chosen, place, around)


def choose_store(around: RunConfig) -> tuple[Any, str]:
    """Return the value of the first place that has one, by precedence, and the name of that place for messages."""
    variable = template_variable(STORE_VARIABLE, around)
    if variable is not None:
        return variable, STORE_VARIABLE
    if around.environment.get(STORE_ENVIRONMENT):
        return around.environment[STORE_ENVIRONMENT], STORE_ENVIRONMENT
    return read_ansible_cfg(around.ansible_cfg, INI_KEY), "[{0}] {1}".format(INI_SECTION, INI_KEY)


def session_settings(around: RunConfig) -> list[tuple[str, Any]]:
    """Return the name and value (a text or mapping) of each place that may set the run's `session`, the strongest first.

    Raises:
        InvalidConfiguration: a place is invalid.
    """
    said = [
        (SESSION_VARIABLE, to_native(template_variable(SESSION_VARIABLE, around))),
        (SESSION_ENVIRONMENT, around.environment.get(SESSION_ENVIRONMENT)),
        ("[{0}] {1}".format(INI_SECTION, SESSION_KEY), read_ansible_cfg(around.ansible_cfg, SESSION_KEY)),
        ("{0} in {1}".format(SESSION_KEY, FILE_NAME), to_native(_read_session_settings(around))),
    ]
    for place, value in said[1:]:
        refuse_templates(value, place, SESSION_KEY)
    return [(place, _parse(value, place) if _is_mapping_as_text(value) else value) for place, value in said]


def _read_session_settings(around: RunConfig) -> Any:
    """Return what the file sets; None also if it is out of reach, because not every run needs it, and if the session itself reads it."""
    try:
        path = find_configuration(around.environment, around.ansible_cfg)
        return None if path is None or is_pipe(path) else _read_file(around).session
    except OutOfReach:
        return None


def read_extensions(around: RunConfig) -> tuple[str, ...]:
    """Return the full names of what the configuration file lets a run load from other collections.

    Raises:
        InvalidConfiguration: the file is invalid.
    """
    return _read_file(around).extensions


def read_file_targets(around: RunConfig) -> tuple[str, Mapping[str, Any]]:
    """Return the path of the configuration file (empty if there is none), and its `targets`, unchecked but without a template.

    Raises:
        InvalidConfiguration: the file is invalid.
    """
    file = _read_file(around)
    refuse_templates(file.targets, file.path, TARGETS)
    return file.path, file.targets


def _is_mapping_as_text(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("{") and not value.lstrip().startswith(TEMPLATE_MARKS)


def _parse(text: str, place: str) -> Any:
    """Parse a mapping that came as text, as in `ansible -m … -a "store={…}"` or an environment variable."""
    try:
        return check_type_dict(text.strip())
    except (TypeError, ValueError):
        remedy = "Write it as JSON."
        raise InvalidConfiguration("the text looks like a mapping but cannot be parsed", option=place, remedy=remedy) from None


def _find_named(name: str | None, place: str, around: RunConfig) -> StoreReference:
    variable = _mapping_of_stores(template_variable(STORES_VARIABLE, around) or {}, STORES_VARIABLE)
    # A store of the variable wins over the file, so the file is not needed.
    file = _ConfigurationFile() if name in variable else _read_file(around)
    stores = {LOCAL: {"backend": LOCAL}, **file.stores, **variable}
    if name is None:
        name, place = (file.default, "default in {0}".format(file.path)) if file.default else (LOCAL, "store")
    if check_store_name(name, place) not in stores:
        known = ", ".join(sorted(map(str, stores)))
        remedy = "Known stores: {0}. Define others in {1} or in the variable '{2}'.".format(known, file.path or FILE_NAME, STORES_VARIABLE)
        raise InvalidConfiguration("there is no store '{0}'".format(name), option=place, remedy=remedy)
    config = stores[name]
    if not isinstance(config, Mapping):
        raise InvalidConfiguration("the configuration is not a mapping", store=name, remedy="Write at least 'backend:'.")
    config = _decrypt(config, "store '{0}'".format(name))
    is_from_file = name in file.stores and name not in variable
    try:
        if is_from_file:
            refuse_templates(config, file.path, "")
        config = _admit(config, is_from_file, around)
    except InvalidConfiguration as problem:
        raise problem.within(store=name) from None
    return StoreReference(name, beside_file(config, place_of_paths(file.path)) if is_from_file else config, file=file.path)


def _admit(config: Mapping[str, Any], is_from_file: bool, around: RunConfig) -> Mapping[str, Any]:
    """Check that a store may use its backend and types, and load those that are a third party's. Return it without other names."""
    backend = config.get("backend")
    traits = BACKENDS[backend]()[0] if isinstance(backend, str) and backend in BACKENDS else None
    if traits is None or traits.runs_programs:
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party_backend import admit_backend

        admit_backend(backend, is_from_file, lambda: read_extensions(around))
    if config.get("types") or config.get("refreshes"):
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party_type import admit_types

        admit_types(config, is_from_file, lambda: read_extensions(around))
    if not is_from_file and has_key_sources(config):
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.key_source_origin import admit_key_sources

        admit_key_sources(config, is_from_file, lambda: read_extensions(around))
    config = resolve_store_aliases(config)
    if traits is not None and traits.play_variables and any(name.startswith(traits.play_variables) for name in around.variables):
        config = fill_from_play(str(backend), config, lambda variable: to_native(template_variable(variable, around)))
    if traits is not None and any(config.get(option) for option in traits.credentials):
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.login_stores import resolve_login_stores

        return resolve_login_stores(config, traits.credentials, lambda store, option: resolve_store(store, around, option))
    return config


def template_variable(variable: str, around: RunConfig) -> Any:
    """Return the value of a variable, its templates resolved; None if it is not set.

    Raises:
        InvalidConfiguration: the templates cannot be resolved, or a host has set it.
    """
    value = around.variables.get(variable)
    if value is None:
        return None
    refuse_fact(variable, around.variables)
    try:
        return around.template(value)
    except AnsibleValueOmittedError:
        return None
    except Exception as error:  # noqa: BLE001  # a template can raise anything
        # The text of a template error may quote another variable's value, so only its class is shown.
        what = "the variable cannot be resolved ({0})".format(type(error).__name__)
        raise InvalidConfiguration(what, option=variable, remedy="Check the templates and vaulted values in it.") from None


def _read_file(around: RunConfig) -> _ConfigurationFile:
    path = find_configuration(around.environment, around.ansible_cfg)
    _warn_of_unused(path, around)
    if path is None:
        return _ConfigurationFile()
    check_who_can_change(path)
    try:
        content = _load_piped(path, around) if is_pipe(path) else around.load(path)
    except CredentialError:
        raise
    except Exception as error:  # noqa: BLE001  # a parser's message quotes the file
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.yaml_errors import describe_load_error

        raise describe_load_error(path, error, FILE_NAME) from None
    return _check_file(path, content)


def _load_piped(path: str, around: RunConfig) -> Any:
    if around.load_piped is None:
        raise InvalidConfiguration("{0} is a pipe".format(path), option=CONFIG_ENVIRONMENT, remedy="Name a file.")
    content = around.load_piped(path, session_options(session_settings(around)))
    if isinstance(content, Mapping) and SESSION_KEY in content:
        what = "'{0}' cannot come through a pipe, because the session reads it".format(SESSION_KEY)
        remedy = "Set {0}, or the variable '{1}'.".format(SESSION_ENVIRONMENT, SESSION_VARIABLE)
        raise InvalidConfiguration(what, option=SESSION_KEY, remedy=remedy)
    return content


def _check_file(path: str, content: Any) -> _ConfigurationFile:
    if content is None:
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.yaml_errors import empty_file_error

        raise empty_file_error(path, FILE_NAME)
    remedy = "It takes: {0}.".format(", ".join(_FILE_KEYS))
    if not isinstance(content, Mapping):
        raise InvalidConfiguration((path + " is not a mapping")[:_LONGEST], option=FILE_NAME, remedy=remedy)
    unknown = sorted(set(map(str, content)) - set(_FILE_KEYS))
    if unknown:
        what = "{0} has no key {1} at its top".format(path, ", ".join(map(ascii, unknown)))
        raise InvalidConfiguration(what[:_LONGEST], option=FILE_NAME, remedy=remedy)
    if None in content.values():
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.yaml_errors import empty_key_error

        raise empty_key_error(path, content)
    default = content.get("default")
    refuse_templates(default, path, "default")
    if default is not None and not isinstance(default, str):
        raise InvalidConfiguration("'default' in {0} is not a name".format(path), option="default", remedy="Write a store's name.")
    stores = _mapping_of_stores(content.get("stores", {}), "stores")
    extensions = check_extensions(path, content.get(EXTENSIONS))
    return _ConfigurationFile(path, default, stores, content.get("session"), extensions, content.get(TARGETS, {}))


def _mapping_of_stores(stores: Any, option: str) -> Mapping[str, Any]:
    if not isinstance(stores, Mapping):
        raise InvalidConfiguration("stores are a mapping of names to configurations", option=option, remedy="Write 'name: {backend: …}'.")
    return {check_store_name(name, option): config for name, config in stores.items()}


def _warn_of_unused(used: str | None, around: RunConfig) -> None:
    """Warn of a configuration file in the current directory that is not read: its ansible.cfg, if it has one, is not in use."""
    unused = None if around.environment.get(CONFIG_ENVIRONMENT) else find_unused(used)
    if unused is not None:
        around.warn(
            "{0} is not read; {1}. It is read only next to the ansible.cfg in use ({2}; Ansible ignores one in a directory that everyone "
            "can write). Put an ansible.cfg next to it, or set {3}={0}.".format(
                unused,
                "stores are those of {0}".format(used) if used else "without a configuration the store is '{0}'".format(LOCAL),
                around.ansible_cfg or "there is none",
                CONFIG_ENVIRONMENT,
            )
        )


def _decrypt(config: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    try:
        return {str(name): to_native(value) for name, value in config.items()}
    except Exception as error:  # noqa: BLE001  # decrypting a vaulted value can raise anything
        what = "a vaulted value cannot be read ({0})".format(type(error).__name__)
        raise InvalidConfiguration(what, option=place, remedy="Give the run its vault password.") from None
