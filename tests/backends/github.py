# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend github: secrets of GitHub Actions, which are only written."""

from __future__ import annotations

from tests.backends.harness import Choice, Harness, Options, Place


def _nowhere(secret: str) -> Options:
    return {"url": "http://127.0.0.1:1", "token": secret, "repository": "shop/web"}


HARNESS = Harness(
    backend="github",
    kinds=(),
    unreachable=_nowhere,
    mistake=({"token": "t", "repository": "shop"}, "repository"),
    choices=(
        Choice(
            "GitHub Actions",
            "{backend: github, repository: shop/web, token_env: GITHUB_TOKEN}",
            (),
            Place.SERVER,
            "a strict server of this repository; GitHub itself was not at hand",
            rights="`Secrets` and `Variables`, read and write",
            note="only written, by `mirror`",
        ),
    ),
)
