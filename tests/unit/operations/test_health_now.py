# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The health of a store is what it is now, also in a process that opened the store long ago: with a session as without one."""

from __future__ import annotations

import pytest

from tests.unit.session.server.desks import Caller


def hide_key(tmp_path):
    (path,) = (tmp_path / "config" / "nebula" / "keys").glob("*.key")
    path.rename(path.with_suffix(".away"))


def open_key(tmp_path):
    (path,) = (tmp_path / "config" / "nebula" / "keys").glob("*.key")
    path.chmod(0o644)


def open_store_to_others(tmp_path):
    (tmp_path / "store").chmod(0o755)


@pytest.mark.parametrize("spoil", [hide_key, open_key, open_store_to_others])
def test_a_session_tells_what_a_new_process_tells(tmp_path, monkeypatch, spoil):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    config = {"backend": "local", "path": str(tmp_path / "store"), "audit": "off"}
    session = Caller(config)
    session.put("a")
    assert session("store_info")["health"]["status"] == "healthy"
    spoil(tmp_path)
    told, fresh = session("store_info")["health"], Caller(config)("store_info")["health"]
    assert (told["status"], told["code"]) == ("unhealthy", fresh["code"])
    assert told["reasons"] == fresh["reasons"]
