# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A workload of a real API server is restarted after a rotation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.nights import Night
from tests.servers import once


@pytest.mark.server
def test_a_workload_is_restarted(project: Any, tmp_path: Path) -> None:
    """Its pod template gets the annotation by which the controllers of a cluster replace the pods."""
    night, server = Night(project), once.kubernetes()
    namespace = server.namespace("consumers")
    labels = {"app": "shop"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "shop", "image": "shop"}]}}
    deployment = {"metadata": {"name": "shop"}, "spec": {"selector": {"matchLabels": labels}, "template": pod}}
    path = "/apis/apps/v1/namespaces/{0}/deployments".format(namespace)
    server.call("POST", path, {"apiVersion": "apps/v1", "kind": "Deployment", **deployment})
    night.add("b", "cookies")
    login = str(server.kubeconfig(tmp_path / "kubeconfig"))
    rollout = {"kind": "rollout", "workload": "deployment/shop", "namespace": namespace, "kubeconfig": login}
    night.targets["cookies"] = {"kind": "none", "consumers": [rollout]}
    night.run().succeeded()
    found = server.call("GET", path + "/shop")["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in found
    night.targets["cookies"]["consumers"][0]["workload"] = "deployment/nothing"
    night.add("c", "cookies")
    assert "the API did not restart deployment/nothing" in night.run().failed()
