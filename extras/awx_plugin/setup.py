# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in the distribution: the plugin, and the collection's own library, file by file, not a copy."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

LIBRARY = Path("..", "..", "plugins")
NAMESPACE = "ansible_collections.nebula.credential.plugins"
HERE = Path(__file__).resolve().parent


def list_library() -> dict[str, str]:
    """Return the packages of the library, each with its directory."""
    roots = [LIBRARY / "module_utils", LIBRARY / "plugin_utils" / "config"]
    folders = {path.parent for root in roots for path in (HERE / root).resolve().rglob("*.py")}
    plugins = (HERE / LIBRARY).resolve()
    return {
        ".".join((NAMESPACE, *folder.relative_to(plugins).parts)): str(LIBRARY / folder.relative_to(plugins)) for folder in sorted(folders)
    }


library = list_library()
setup(packages=["nebula_credential_awx", *library], package_dir=library)
