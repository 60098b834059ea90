# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The identity of a value is metadata, which others may be able to change. The target deletes the key that is stored."""

from __future__ import annotations

from urllib.parse import parse_qs

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.aws_iam import AwsIam
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from tests.servers import scripted
from tests.servers.scripted import Answer
from tests.unit.rotation.targets.recorded_modules import Recorded

CHANGED = {steps.ID: "AKIAOFSOMEBODYELSE"}
DONE = b"<DeleteAccessKeyResponse><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DeleteAccessKeyResponse>"


def test_the_key_that_is_stored_is_deleted_and_no_other() -> None:
    key = {"access_key_id": Secret("AKIAIOSFODNN7EXAMPLE"), "secret_access_key": Secret("x" * 40)}
    with scripted.running(lambda _request: Answer(200, DONE)) as server:
        target = AwsIam({"user": "app", "region": "eu-central-1", "endpoint_url": server.url}, Value(key, primary="secret_access_key"))
        modules = Recorded({})
        assert target.retire(modules, Value(key, CHANGED, "secret_access_key")) == steps.APPLIED, modules.notes
    (request,) = server.asked
    assert parse_qs(request.content.decode())["AccessKeyId"] == ["AKIAIOSFODNN7EXAMPLE"]
