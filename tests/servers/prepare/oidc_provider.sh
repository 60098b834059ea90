# shellcheck shell=bash
# Sourced by prepare.sh. An authorization server for OAuth 2.0, from npm.
oidc=9.13.3
if ! grep -qs "\"version\": \"$oidc\"" {"${cache:?set by prepare.sh}","${NEBULA_TEST_SERVERS:-/nonexistent}"}/oidc-provider/node_modules/oidc-provider/package.json; then
  if command -v npm >/dev/null; then
    mkdir -p "$cache/oidc-provider"
    npm install --silent --no-save --no-audit --no-fund --ignore-scripts --prefix "$cache/oidc-provider" "oidc-provider@$oidc" ||
      echo "Going on without oidc-provider: npm did not install it" >&2
  else
    echo "Going on without oidc-provider: it needs Node.js 20 or later with npm, which is not on PATH" >&2
  fi
fi
