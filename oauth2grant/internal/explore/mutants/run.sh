#!/usr/bin/env bash
# Applies each patch of this folder to a copy of the module, and holds that the
# explorer finds what it breaks. Prints the shortest schedule for each.
set -euo pipefail
cd "$(dirname "$0")/../../../.."
module=$PWD
patches=(oauth2grant/internal/explore/mutants/*.patch)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# explore DIR runs the explorer in DIR; its output is DIR.log.
explore() { (cd "$1" && "${GO:-go}" test -count=1 -run TestExplorer ./oauth2grant/internal/explore) >"$1.log" 2>&1; }

failed=0
copy() { mkdir "$1" && tar -C "$module" -cf - go.mod go.sum internal oauth2grant callbackserver | tar -C "$1" -xf -; }

copy "$scratch/itself"
if ! explore "$scratch/itself"; then
	echo "the code itself fails, so that what follows proves nothing"
	grep -A2 'the shortest' "$scratch/itself.log" || tail -n 20 "$scratch/itself.log"
	failed=1
fi
for p in "${patches[@]}"; do
	name=$(basename "$p" .patch)
	copy "$scratch/$name"
	if ! patch -s -d "$scratch/$name" -p1 <"$p"; then
		echo "$name: does not apply"
		failed=1
	elif ! (cd "$scratch/$name" && "${GO:-go}" vet ./oauth2grant >"$scratch/$name.log" 2>&1); then
		echo "$name: does not build"
		failed=1
	elif explore "$scratch/$name"; then
		echo "$name: not found"
		failed=1
	else
		echo "$name: found"
		grep -A2 'the shortest' "$scratch/$name.log" || { tail -n 20 "$scratch/$name.log"; failed=1; }
	fi
	rm -rf "${scratch:?}/$name"
done
exit $failed
