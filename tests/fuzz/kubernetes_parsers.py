# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parsers of Secrets and of a kubeconfig."""

from __future__ import annotations

import json
from functools import partial
from random import Random
from typing import Any, Callable, Dict

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import kubeconfig
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.manifest import Manifests
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, StoredObject
from tests.fuzz.mutations import spoil_bytes, spoil_json
from tests.fuzz.stored_parsers import NOW, RECORD, Made, use


def of_secrets(_tmp_path: Any) -> Made:
    manifests = Manifests("nebula-", "default", encrypted=False)
    secret = manifests.write(ObjectKey("db_pass"), StoredObject(RECORD, written_at=NOW), None)

    def spoil(random: Random) -> Any:
        """Annotations and data are texts on any server; what is in them is not."""
        spoiled = json.loads(json.dumps(secret))
        for part in ("annotations", "data"):
            texts = spoiled["metadata"]["annotations"] if part == "annotations" else spoiled["data"]
            key = random.choice(sorted(texts))
            texts[key] = spoil_bytes([texts[key].encode()], random).decode("utf-8", "replace")
        return spoiled

    def parse(given: Any) -> None:
        found = manifests.read(ObjectKey("db_pass"), given)
        if found.problem is not None:
            raise found.problem
        use(found.record)

    return parse, spoil


def of_kubeconfigs(tmp_path: Any) -> Made:
    file = tmp_path / "kubeconfig"
    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": "AAAA"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }

    def parse(data: bytes) -> None:
        file.write_bytes(data)
        kubeconfig.read([str(file)], None)

    return parse, partial(spoil_json, [written])


PARSERS: Dict[str, Callable[[Any], Made]] = {
    "annotations and data of a Secret": of_secrets,
    "kubeconfig": of_kubeconfigs,
}
