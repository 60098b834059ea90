# shellcheck shell=bash
# Sourced by prepare.sh. Keycloak from Maven Central (170 MB), for the tests of the long profile alone.
keycloak=26.7.3
if [ "${NEBULA_TEST_PROFILE:-}" = long ] && ! [ -f "${cache:?set by prepare.sh}/keycloak-quarkus-dist-$keycloak.zip" ]; then
  if command -v mvn >/dev/null; then
    mkdir -p "$cache"
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
      -Dartifact=org.keycloak:keycloak-quarkus-dist:$keycloak:zip "-DoutputDirectory=$cache" ||
      echo "Going on without Keycloak: Maven did not fetch it" >&2
  else
    echo "Going on without Keycloak: it is fetched with Maven, which is not on PATH" >&2
  fi
fi
