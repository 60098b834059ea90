# shellcheck shell=bash
# Sourced by prepare.sh.
has kubectl || missing+=(kubernetes-client)
# PyPI's etcd is 3.5.1, one of the releases that could lose what they had acknowledged when they were killed.
has etcd || missing+=(etcd-server)

if ! has kube-apiserver; then
  if command -v go >/dev/null; then
    echo "Building kube-apiserver with Go, once: four to five minutes on two cores"
    mkdir -p "${cache:?set by prepare.sh}"
    bash kube_apiserver/build.sh "$cache/kube-apiserver" || echo "Going on without kube-apiserver" >&2
  else
    echo "Going on without kube-apiserver: it is built with Go 1.21 or later, which is not on PATH" >&2
  fi
fi
