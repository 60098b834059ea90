# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kubeconfig, read as kubectl reads it: several files are merged, and the first one that defines something wins.

The official client reads it otherwise in places: the last `current-context` wins, an empty file is an error, `token` hides
`tokenFile`, and it ignores what it does not know. Here an entry that this backend does not follow is refused by its name.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.options import KUBECONFIG
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, Damaged, InvalidConfiguration, LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import write_durably
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import find_in_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import has_file
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file

try:
    import yaml
except ImportError:  # The official client needs it too: `login` reports that one.
    pass

DEFAULT_PLACE = "~/.kube/config"
IN_POD = "KUBERNETES_SERVICE_HOST"
DEFAULT_NAMESPACE = "default"
CHECK = "See what is wrong with: kubectl {0}cluster-info."
_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_KNOWN: Mapping[str, Tuple[str, ...]] = {
    "cluster": (
        "server",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "certificate-authority",
        "certificate-authority-data",
        "proxy-url",
        "disable-compression",
    ),
    "user": (
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "token",
        "tokenFile",
        "as",
        "as-uid",
        "as-groups",
        "as-user-extra",
        "username",
        "password",
        "auth-provider",
        "exec",
    ),
    "context": ("cluster", "user", "namespace"),
    "exec": ("apiVersion", "command", "args", "env", "installHint", "provideClusterInfo", "interactiveMode"),
}
"""What each part may say. All may have `extensions`, which are for other tools."""
_PROVIDERS = ("oidc", "gcp")


class _File(NamedTuple):
    path: str
    document: Dict[str, Any]


class Chosen(NamedTuple):
    """The parts of a kubeconfig that its context names, with absolute paths.

    Attributes:
        cluster, user: the entries, as mappings.
        namespace: the context's, else `default`.
        file: the file of the user's entry, and its whole content; None without a user.
    """

    cluster: Dict[str, Any]
    user: Dict[str, Any]
    namespace: str
    file: Optional[_File]

    def persist(self) -> None:
        """Write a login that an identity provider renewed back to the user's file: providers may accept an old one only once."""
        if self.file is not None:
            content = yaml.safe_dump(self.file.document, default_flow_style=False)
            write_durably(os.path.realpath(self.file.path), content.encode("utf-8"))


def find_files(option: Optional[str]) -> List[str]:
    """Return the paths of the kubeconfig: that of the option, else those of KUBECONFIG that exist, else the default one if it exists.

    Raises:
        AccessDenied: a directory of a path cannot be entered.
    """
    if option:
        return [option]
    listed = [find_in_home(path) for path in (os.environ.get(KUBECONFIG) or DEFAULT_PLACE).split(os.pathsep)]
    try:
        return [path for path in listed if path and has_file(path, "the kubeconfig")]
    except AccessDenied:
        if os.environ.get(KUBECONFIG) or not os.environ.get(IN_POD):
            raise
        return []  # the home of an image is often root's, and the pod's own login needs no kubeconfig


def read(paths: Sequence[str], context: Optional[str]) -> Chosen:
    """Return what a context names; None means the current context.

    Raises:
        InvalidConfiguration: a file is no kubeconfig, there is no such context, or it says something that is not followed here.
        LoginFailed: the context's user is missing.
    """
    try:
        files = [_File(os.path.abspath(path), _load(path)) for path in paths]
        return _choose(files, context)
    except (InvalidConfiguration, LoginFailed):
        raise
    except Exception:  # noqa: BLE001  # any error of YAML, or of a file of another shape
        argument = "--kubeconfig {0} ".format(paths[0]) if len(paths) == 1 else ""
        argument += "--context {0} ".format(context) if context else ""
        option = "context" if context else "kubeconfig"
        raise InvalidConfiguration("the kubeconfig cannot be used", option=option, remedy=CHECK.format(argument)) from None


def _load(path: str) -> Dict[str, Any]:
    try:
        document = yaml.safe_load(read_file(path, MIB))
    except Damaged as problem:
        raise InvalidConfiguration(problem.what, option="kubeconfig", remedy=problem.remedy) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise TypeError
    return document


def _choose(files: Sequence[_File], context: Optional[str]) -> Chosen:
    name = context or next((str(each.document["current-context"]) for each in files if each.document.get("current-context")), "")
    found = _find(files, "context", name)
    if found is None:
        what = "the kubeconfig has no context {0}".format(ascii(name)[:80]) if name else "the kubeconfig has no current context"
        known = sorted({str(each["name"]) for file in files for each in file.document.get("contexts") or ()})
        raise InvalidConfiguration(what, option="context", remedy="It has: {0}.".format(", ".join(known) or "none"))
    _file, chosen = found
    cluster = _find(files, "cluster", str(chosen.get("cluster") or ""))
    if cluster is None or not cluster[1].get("server"):
        _refuse("the context {0} names no cluster with a server".format(ascii(name)[:80]))
    user = _find(files, "user", str(chosen["user"])) if chosen.get("user") else None
    if chosen.get("user") and user is None:
        raise LoginFailed("the kubeconfig has no user {0}".format(ascii(chosen["user"])[:80]), option="kubeconfig", remedy="Add it.")
    namespace = str(chosen.get("namespace") or DEFAULT_NAMESPACE)
    if user is None:
        return Chosen(cluster[1], {}, namespace, None)
    _check_user(user[1])
    program = user[1].get("exec")
    if program and os.sep in program["command"]:
        user[1]["exec"] = dict(program, command=_resolve(user[0], program["command"]))
    return Chosen(cluster[1], user[1], namespace, user[0])


def _find(files: Sequence[_File], kind: str, name: str) -> Optional[Tuple[_File, Dict[str, Any]]]:
    """Return the first entry of that name, and its file. Its paths are relative to the file."""
    for file in files:
        for each in file.document.get(kind + "s") or ():
            if str(each["name"]) == name and name:
                entry = {key: value for key, value in (each.get(kind) or {}).items() if value not in (None, "")}
                _check_known(kind, entry)
                entry.update((key, _resolve(file, entry[key])) for key in _PATHS if key in entry)
                return file, entry
    return None


def _resolve(file: _File, path: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(file.path), path))


def _check_known(kind: str, entry: Mapping[str, Any]) -> None:
    for key in entry:
        if key not in _KNOWN[kind] and key != "extensions":
            _refuse("it says '{0}' for a {1}, which is not followed here".format(str(key)[:80], kind))


def _check_user(user: Mapping[str, Any]) -> None:
    """Check the entry of a user: nothing that it says may be left out in silence."""
    if not user.get("as") and any(user.get(key) for key in ("as-uid", "as-groups", "as-user-extra")):
        _refuse("it impersonates groups without a user ('as')")
    provider = user.get("auth-provider") or {}
    if provider and provider.get("name") not in _PROVIDERS:
        _refuse("its 'auth-provider' {0} is not followed here".format(ascii(provider.get("name"))[:80]))
    program = user.get("exec") or {}
    _check_known("exec", program)
    if program.get("interactiveMode") == "Always":
        _refuse("its login program needs a terminal ('interactiveMode: Always')")
    methods = [" or ".join(group) for group in (("token", "tokenFile"), ("username", "password")) if any(user.get(key) for key in group)]
    if len(methods) > 1 or (program and provider):
        _refuse("it has more than one login: {0}".format(" and ".join(methods) if len(methods) > 1 else "exec and auth-provider"))


def _refuse(what: str) -> NoReturn:
    raise InvalidConfiguration(
        "the kubeconfig cannot be used: {0}".format(what), option="kubeconfig", remedy="Remove that from it, or name another context."
    )
