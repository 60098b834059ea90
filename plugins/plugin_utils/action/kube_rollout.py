# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A workload of Kubernetes as a consumer: its pods are replaced one after the other, as `kubectl rollout restart` does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, RotationFailed, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Requirement
from ansible_collections.nebula.credential.plugins.plugin_utils.action.host_runner import HostRunner
from ansible_collections.nebula.credential.plugins.plugin_utils.action.requirements import check_requirements

MODULE = "kubernetes.core.k8s"
ANNOTATION = "kubectl.kubernetes.io/restartedAt"
_KINDS = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}
_REQUIRES = (Requirement("collection", "kubernetes.core", "ansible-galaxy collection install kubernetes.core", parts=(MODULE,)),)


def restart_workload(runner: HostRunner, options: Mapping[str, Any], module_loader: Any) -> None:
    """Restart a Deployment, StatefulSet or DaemonSet. Does not wait until its pods are replaced.

    Raises:
        MissingLibrary: kubernetes.core is not installed on the controller.
        InvalidInput: the workload is no kind and name.
        Unavailable, RotationFailed: there was no response, or the API refused it.
    """
    kind, _slash, name = str(options["workload"]).partition("/")
    if kind.lower() not in _KINDS or not name:
        remedy = "Write deployment/NAME, statefulset/NAME or daemonset/NAME."
        raise InvalidInput("{0} is no workload".format(ascii(options["workload"])), option="workload", remedy=remedy)
    check_requirements(_REQUIRES, module_loader)
    now = datetime.now(timezone.utc).isoformat()
    arguments = {
        "api_version": "apps/v1",
        "kind": _KINDS[kind.lower()],
        "namespace": options["namespace"],
        "name": name,
        "state": "patched",
        "definition": {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: now}}}}},
        **{option: options[option] for option in ("kubeconfig", "context") if options.get(option)},
    }
    result = runner.run_module(MODULE, arguments, float(options["time_limit"]))
    if result.get("unreachable"):
        raise Unavailable("the host that calls the API cannot be reached", remedy="Check its connection.")
    # A workload that does not exist is not made, and is no failure of the module.
    if result.get("failed") or not result.get("changed"):
        what = "the API did not restart {0}".format(options["workload"])
        raise RotationFailed(what, remedy="Check that it exists, that the login may patch it, and the package 'kubernetes' on the host.")
