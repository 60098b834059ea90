#!/usr/bin/env bash
# build.sh OUTPUT - build kube-apiserver from the module beside this script; four to five minutes on two cores, the first time.
# To change its version: set it in go.mod (k8s.io/kubernetes v1.X.Y, and v0.X.Y in the lines with '=>'), then `go mod tidy`.
set -euo pipefail
output=$(realpath "${1:?the file to write}")
cd "$(dirname "${BASH_SOURCE[0]}")"
version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' go.mod)
IFS=. read -r major minor _ <<<"${version#v}"
named=k8s.io/component-base/version
flags="-s -w -X $named.gitVersion=$version -X $named.gitMajor=$major -X $named.gitMinor=$minor"
# Written beside the file first: a build that is interrupted leaves no half of a server behind.
CGO_ENABLED=0 go build -trimpath -ldflags "$flags" -o "$output.new" .
mv "$output.new" "$output"
