# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend gitlab: variables of GitLab CI, which are only written."""

from __future__ import annotations

from tests.backends.harness import Choice, Harness, Options, Place


def _nowhere(secret: str) -> Options:
    return {"url": "http://127.0.0.1:1", "token": secret, "project": "shop/web"}


HARNESS = Harness(
    backend="gitlab",
    kinds=(),
    unreachable=_nowhere,
    mistake=({"token": "t", "project": "shop/web", "group": "shop"}, "project"),
    choices=(
        Choice(
            "GitLab CI",
            "{backend: gitlab, project: shop/web, token_env: GITLAB_TOKEN}",
            (),
            Place.SERVER,
            "a strict server of this repository; GitLab itself was not at hand",
            rights="the role Maintainer, a token with the scope `api`",
            note="only written, by `mirror`",
        ),
    ),
)
