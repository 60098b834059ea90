# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening a store: validate its configuration, build the backend, wrap it in its layers, connect. The only way to get a manager."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nebula.credential.plugins.module_utils.audit.layer import Audit
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import (
    REFERENCE,
    check_login,
    fill_from_environment,
    name_variable,
    refuse_unknown,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Limited, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class, is_third_party, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Spec
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    TENACITY,
    CredentialError,
    InvalidConfiguration,
    check_packages,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import resolve_path
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.options import OPTION as FALLBACK_COPY
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import PARALLEL, throttle_batches
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import resilient
from ansible_collections.nebula.credential.plugins.module_utils.layers.scope_guard import ScopeGuard
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTION as SHARED_CACHE
from ansible_collections.nebula.credential.plugins.module_utils.metrics.layer import Metrics
from ansible_collections.nebula.credential.plugins.module_utils.metrics.store_metrics import metering
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import (
    change_undeclared_paths,
    describe_aliases,
    resolve_store_aliases,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.options import COMMON_OPTIONS, SECURITY, STRICT
from ansible_collections.nebula.credential.plugins.module_utils.types import registry

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import Encrypt

Warn = Callable[[str], object]
VaultPassword = Callable[[Optional[str]], Optional[Secret]]
CacheAround = Callable[[Backend, Callable[[bool], None]], Cache]


def open_store(
    config: Mapping[str, Any],
    *,
    name: str = "local",
    warn: Warn = lambda _message: None,
    vault_password: Optional[VaultPassword] = None,
    cache: Optional[CacheAround] = None,
) -> CredentialManager:
    """Open a store.

    Args:
        config: `backend`, the backend's options and `COMMON_OPTIONS`.
        name: the user's name for the store.
        warn: called with each warning.
        vault_password: returns the password of an Ansible vault id (for None, of the only one), on the controller.
        cache: wraps a backend in a cache that reports each hit and miss, for a process that outlives one task; None caches nothing.

    Returns:
        A manager. The caller closes it, or at least flushes it, when done.

    Raises:
        InvalidConfiguration: names the option, the store, what was wrong and what is allowed. No network was used.
        StorageError, EncryptionError: the store cannot be opened.
    """
    try:
        others = partial(open_store, warn=warn, vault_password=vault_password)
        return _open(config, BackendContext(name, warn, _find_indices, open_other=others), vault_password, cache)
    except CredentialError as error:
        error.what += describe_aliases(error.option, config) if isinstance(config, Mapping) else ""
        raise error.within(store=name) from None


def _open(
    config: Mapping[str, Any], context: BackendContext, vault_password: Optional[VaultPassword], cache: Optional[CacheAround]
) -> CredentialManager:
    traits = _find_backend(config)
    filled = fill_from_environment(traits, resolve_store_aliases(config), os.environ)
    context = replace(context, variables=filled.variables)
    try:
        options = _tighten(_validate(filled.config, {**COMMON_OPTIONS, **traits.spec}, traits), filled.config)
        context = replace(context, recipes=registry.prepare_types(options, _validate, context.warn))
        counting = metering(options, context)
        bare = backend_class(options["backend"])(options, context)
        observer = throttle_batches(bare, options.get(PARALLEL), counting.recorder)
    except InvalidConfiguration as problem:
        raise name_variable(problem, filled.variables) from None
    locked = _lock_writes(resilient(_guard(bare, options, traits), options, observer), options)
    backend = Metrics(_add_limits(locked), counting.recorder)
    layer = _encryption(backend, options, vault_password)
    _check_encrypted(bare, options, layer)
    copied = _copy_reads(layer or backend, layer, options, vault_password)
    kept = cache(copied, counting.recorder.on_lookup) if cache and not backend.capabilities.leased else None
    guarded = _restrict_writes(ScopeGuard(kept or copied), options)
    # Imported here: a session listens before it opens a store.
    from ansible_collections.nebula.credential.plugins.module_utils.store.trail import build_trail

    trail = build_trail(options, traits, backend, layer, context, copied)
    audited = guarded if trail is None else Audit(guarded, trail)
    check_packages((*traits.packages_of_every_store, *bare.packages, *locked.packages, *((TENACITY,) if bare.capabilities.remote else ())))
    audited.connect()
    _warn_of_plaintext(bare, options)
    return CredentialManager(audited, store=context.store, tenant=options["tenant"], trail=trail, metering=counting, cache=kept)


def _find_indices() -> Optional[str]:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import find_indices_directory  # only local stores need it

    return find_indices_directory()


def _find_backend(config: Mapping[str, Any]) -> BackendTraits:
    if not isinstance(config, Mapping):
        raise InvalidConfiguration("a store is a mapping, not {0}".format(type(config).__name__), remedy="Write at least 'backend:'.")
    if config.get("backend") is None:
        raise InvalidConfiguration("required option is missing", option="backend", remedy="For example: 'backend: local'.")
    return read_traits(config["backend"])


def _validate(config: Mapping[str, Any], spec: Spec, traits: BackendTraits) -> Dict[str, Any]:
    """Check a configuration with ansible-core's own validator, and return it with defaults and converted types."""
    refuse_unknown([str(key) for key in config], (*spec, *traits.aliases))
    config = change_undeclared_paths(_resolve_paths(config, spec), traits, _resolve_undeclared)
    for option in sorted(config):
        # One option at a time: the validator's message does not always name the option, and ours must.
        if option != "backend" and config[option] is not None:
            _check_option(option, spec[option], config[option])
    result = ArgumentSpecValidator(spec).validate(dict(config))
    if result.error_messages:
        raise InvalidConfiguration(result.error_messages[0], remedy=REFERENCE)
    check_login(config, traits.login)
    return dict(result.validated_parameters)


def _resolve_paths(config: Mapping[str, Any], spec: Mapping[str, Mapping[str, Any]], place: str = "") -> Dict[str, Any]:
    """Return the configuration with `~` and variables in its paths resolved: the validator would leave what it cannot resolve."""
    resolved = dict(config)
    for option, declared in spec.items():
        value = declared.get("default") if config.get(option) is None else config[option]
        if declared.get("type") == "path" and isinstance(value, str):
            resolved[option] = resolve_path(value, place + option)
        elif declared.get("options") and isinstance(value, Mapping):
            resolved[option] = _resolve_paths(value, declared["options"], "{0}{1}.".format(place, option))
    return resolved


def _resolve_undeclared(option: str, value: Any) -> Any:
    return resolve_path(value, option) if isinstance(value, str) else value


def _check_option(option: str, spec: Mapping[str, Any], value: Any) -> None:
    if spec.get("options"):
        _check_parts(option, spec["options"], value)
    alone = {key: part for key, part in spec.items() if key in ("type", "elements", "choices", "options")}
    # ansible-core converts a list or mapping to text ("['a']"), which is always a mistake.
    mistaken = spec.get("type") in ("str", "path") and not isinstance(value, (str, int, float))
    # It reads true as 1: `parallel: true` would be one at a time.
    mistaken = mistaken or (spec.get("type") in ("int", "float") and isinstance(value, bool))
    mistaken = mistaken or (bool(spec.get("options")) and not _is_mapping(value, spec))
    if not mistaken and _is_valid(option, alone, value):
        return
    # The validator's own words may quote the value; a value given under the wrong option may be a secret.
    if "choices" in spec:
        raise InvalidConfiguration(
            "the value is not allowed", option=option, remedy="Use one of: {0}.".format(", ".join(map(str, spec["choices"])))
        )
    wanted = "a list of {0}".format(spec["elements"]) if spec.get("elements") else spec.get("type", "str")
    what = "it is a {0}, and cannot be read as {1}".format(type(value).__name__, wanted)
    example = "a mapping: '{0}: {{…}}'".format(option) if wanted == "dict" else "a value of type {0}".format(wanted)
    raise InvalidConfiguration(what, option=option, remedy="Write {0}.".format(example))


def _check_parts(option: str, parts: Mapping[str, Mapping[str, Any]], value: Any) -> None:
    """Check a mapping, or each mapping of a list. The validator would only say that the whole is wrong."""
    if isinstance(value, list):
        for number, element in enumerate(value):
            _check_parts("{0}[{1}]".format(option, number), parts, element)
    if not isinstance(value, Mapping):
        return
    refuse_unknown([str(key) for key in value], parts, option)
    missing = sorted(part for part in parts if parts[part].get("required") and value.get(part) is None)
    if missing:
        example = "'{0}: {{{1}}}'".format(option, ", ".join("{0}: …".format(part) for part in missing))
        raise InvalidConfiguration("{0} is missing".format(" and ".join(missing)), option=option, remedy="Write {0}.".format(example))
    for part in sorted(key for key in value if value[key] is not None):
        _check_option("{0}.{1}".format(option, part), parts[part], value[part])


def _is_valid(option: str, spec: Mapping[str, Any], value: Any) -> bool:
    try:
        return not ArgumentSpecValidator({option: spec}).validate({option: value}).error_messages
    except ArithmeticError:  # it has no message for infinity
        return False


def _is_mapping(value: Any, spec: Mapping[str, Any]) -> bool:
    """Whether the validator can look for options in a value; on another one it fails."""
    elements = value if spec.get("type") == "list" and isinstance(value, list) else [value]
    return all(isinstance(element, (Mapping, str)) for element in elements)


def _tighten(options: Dict[str, Any], written: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the options as a strict store has them. Other stores load nothing for that."""
    if options[SECURITY] != STRICT:
        return options
    from ansible_collections.nebula.credential.plugins.module_utils.store.security import make_strict

    return make_strict(options, written)


def _check_encrypted(backend: Backend, options: Mapping[str, Any], layer: Optional[Encrypt]) -> None:
    """Raise InvalidConfiguration for a strict store that nothing encrypts."""
    if options[SECURITY] == STRICT:
        from ansible_collections.nebula.credential.plugins.module_utils.store.security import check_encrypted

        check_encrypted(backend.capabilities, layer is not None)


def _guard(backend: Backend, options: Mapping[str, Any], traits: BackendTraits) -> Backend:
    """Return the backend; a third party's is wrapped in the layer that holds it to its contract."""
    if options["read_only"]:
        from ansible_collections.nebula.credential.plugins.module_utils.layers.read_only import ReadOnlyStore

        backend = ReadOnlyStore(backend)
    if not is_third_party(options["backend"]):
        return backend
    from ansible_collections.nebula.credential.plugins.module_utils.layers.third_party import ContractGuard

    return ContractGuard(backend, options["backend"], traits, options["read_timeout"], options["write_timeout"])


def _restrict_writes(backend: Backend, options: Mapping[str, Any]) -> Backend:
    """Return the store, wrapped in the layer that refuses all writes, or those against its rules. Other stores load neither."""
    if not options["read_only"] and options.get("rules") is None:
        return backend
    from ansible_collections.nebula.credential.plugins.module_utils.layers.write_rules import restrict_writes

    return restrict_writes(backend, options, _validate)


def _add_limits(backend: Backend) -> Backend:
    """Return the backend, wrapped in the layer that checks its limits if it states any. A store without limits does not load it."""
    if find_protocol(backend, Limited) is None:
        return backend
    from ansible_collections.nebula.credential.plugins.module_utils.layers.limits import Limits

    return Limits(backend)


def _lock_writes(backend: Backend, options: Mapping[str, Any]) -> Backend:
    """Return the backend, wrapped in the layer that locks its writes if it cannot compare and swap. Other stores do not load that layer.

    Raises:
        InvalidConfiguration: there is a lock that would change nothing, or its options are wrong.
    """
    able = backend.capabilities
    takes_no_write = able.leased or able.read_only or able.write_only
    if not able.native_cas and not takes_no_write:
        from ansible_collections.nebula.credential.plugins.module_utils.layers.write_lock import lock_writes

        return lock_writes(backend, options, _validate)
    for option in ("lock", "single_writer"):
        if options[option]:
            what = "nothing is written to this store" if takes_no_write else "this backend compares and swaps itself, so it needs no lock"
            raise InvalidConfiguration(what, option=option, remedy="Leave it out.")
    return backend


def _encryption(backend: Backend, options: Mapping[str, Any], vault_password: Optional[VaultPassword]) -> Optional[Encrypt]:
    """Return the layer that encrypts, or None. A store without encryption does not load it."""
    if not _encrypts(options, backend):
        return None
    from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import wrap_in_encryption

    return wrap_in_encryption(backend, options, vault_password)


def _copy_reads(backend: Backend, layer: Optional[Encrypt], options: Mapping[str, Any], vault_password: Optional[VaultPassword]) -> Backend:
    """Return the backend, in the layers that keep values outside the store. Other stores do not load them."""
    if not options.get(SHARED_CACHE) and options.get(FALLBACK_COPY) is None:
        return backend
    from ansible_collections.nebula.credential.plugins.module_utils.store.copies import wrap_in_copies

    return wrap_in_copies(backend, layer, options, COMMON_OPTIONS, vault_password)


def _encrypts(options: Mapping[str, Any], backend: Backend) -> bool:
    """Whether this collection encrypts the values. Raises InvalidConfiguration for plain text that is not explicitly allowed."""
    able = backend.capabilities
    encrypt = able.envelopes and not able.native if options.get("encrypt") is None else bool(options["encrypt"])
    if encrypt and not able.envelopes:
        remedy = "Use a format that keeps envelopes ('encrypted'), or leave 'encrypt' out."
        raise InvalidConfiguration("this backend, as it is configured, keeps plain values", option="encrypt", remedy=remedy)
    if not encrypt and not options["allow_plaintext"] and not able.native:
        remedy = "Leave 'encrypt' out, or add 'allow_plaintext: true'."
        raise InvalidConfiguration("secrets would be kept in plain text", option="encrypt", remedy=remedy)
    return encrypt


def _warn_of_plaintext(backend: Backend, options: Mapping[str, Any]) -> None:
    """Warn if neither this collection nor the backend encrypts the values, and the configuration does not set `encrypt`."""
    able = backend.capabilities
    if able.native and not able.server_side_encryption and options.get("encrypt") is None:
        backend.context.warn(backend.plaintext_warning)
