#!/usr/bin/env bash
# Breaks the code on purpose, one promise at a time (tests/mutations/*.patch), in a copy of the last commit, and says which
# tests notice. A mutation that nothing notices is a hole in the tests: then the exit code is 1.
#
#   tests/mutations.sh [NAME...]     all of them, or these; about eight minutes each, ten before the first
#   tests/mutations.sh --check       only whether every patch still fits
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
origin=$PWD
patches=$origin/tests/mutations
# Which tests are run: those of failures, and those that every consumer has to pass.
tests=(faults:: conformance:: duplicates:: idempotency::)

if [[ ${1:-} == --check ]]; then
    for patch in "$patches"/*.patch; do
        git apply --check "$patch" || failed=1
    done
    exit "${failed:-0}"
fi

# On the disk of the repository: a build takes several gigabytes.
work=${MUTATIONS_DIR:-$origin/.local/mutations}
mkdir -p "$work" && rm -rf "$work/tree"
git clone -q --shared "$origin" "$work/tree" && ln -s "$origin/.venv" "$work/tree/.venv" && cd "$work/tree" || exit 2
export CARGO_TARGET_DIR=$work/target CARGO_TERM_QUIET=true RUST_BACKTRACE=0
yard=$CARGO_TARGET_DIR/debug/yard
trap '"$yard" --instance mutation down; rm -rf "$work/tree"' EXIT

suite() {
    "$yard" --instance mutation up --no-build &&
        SWITCHYARD_INSTANCE=mutation cargo test -p switchyard-tests -- "${tests[@]}"
    "$yard" --instance mutation down
}

names=("$@")
if ((${#names[@]} == 0)); then
    names=("$patches"/*.patch)
    names=("${names[@]##*/}")
fi
for name in "${names[@]%.patch}"; do
    git checkout -q . && git apply "$patches/$name.patch" || exit 2
    if ! cargo build --workspace --bins > "$work/$name.log" 2>&1; then
        echo "$name: does not compile; see $work/$name.log"
        missed=1
        continue
    fi
    suite >> "$work/$name.log" 2>&1
    noticed=$(grep -cE '^    [a-z_:]+$' "$work/$name.log")
    "$CARGO_TARGET_DIR/debug/soak" --instance mutation-soak --orders 600 --minutes 6 > "$work/$name.soak" 2>> "$work/$name.log"
    soak=$?
    verdict=$(grep -E '^(effects lost|effects doubled|mails doubled)' "$work/$name.soak" | tr -s ' ' | paste -sd ';')
    echo "$name: $noticed tests fail; soak $( ((soak == 0)) && echo passes || echo fails ) ($verdict)"
    grep -E '^    [a-z_:]+$' "$work/$name.log" | sort -u | head -12
    ((noticed > 0 || soak != 0)) || missed=1
done
exit "${missed:-0}"
