# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Secret that cannot be read spoils no listing and no other Secret, on a real API server."""

from __future__ import annotations

import pytest

from tests.integration.kubernetes_store import KubeStore
from tests.integration.spoiled_stores import DEEP, check_others_are_listed_and_read
from tests.servers import once

pytestmark = pytest.mark.server


@pytest.mark.parametrize(("annotation", "text"), [("metadata", DEEP), ("serial", "1e999"), ("older", '[["x", 1]]'), ("record-id", "zz")])
def test_annotations_that_were_changed_by_hand(annotation, text):
    store = KubeStore(once.kubernetes())

    def spoil() -> None:
        secret = store.secret("nebula-bad")
        secret["metadata"]["annotations"]["nebula.credential/" + annotation] = text
        store.server.call("PUT", store.server.secrets_path(store.namespace, "nebula-bad"), secret)

    check_others_are_listed_and_read(dict(store.configured(), backend="kubernetes"), spoil)
