#!/usr/bin/env bash
# Breaks the code on purpose, one promise at a time (tests/mutations/*.mutation), in a copy of the last commit, and lists the
# tests that fail. A mutation that no test and no soak finds is a hole in the tests: then the exit code is 1.
#
#   tests/mutations.sh [NAME...]     all of them, or these; about eight minutes each, ten before the first
#   tests/mutations.sh --check       only whether every mutation still fits the code; takes a second and changes nothing
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
origin=$PWD
# Modules of tests/src: those of failures, and those that every consumer has to pass.
modules=(faults conformance duplicates idempotency reviews cancellations)

if [[ ${1:-} == --check ]]; then
    python3 tests/mutations/mutate.py check || failed=1
    for module in "${modules[@]}"; do
        grep -rqE "^(pub )?mod $module;" tests/src || { echo "tests/mutations.sh: tests/src has no module $module" >&2; failed=1; }
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

run_tests() {
    "$yard" --instance mutation up --no-build &&
        SWITCHYARD_INSTANCE=mutation cargo test -p switchyard-tests -- "${modules[@]/%/::}"
    "$yard" --instance mutation down
}

# The tests that `cargo test` lists as failed.
failed_tests() {
    grep -E '^    [a-z0-9_:]+$' "$1" | sort -u
}

names=("$@")
if ((${#names[@]} == 0)); then
    names=(tests/mutations/*.mutation)
    names=("${names[@]##*/}")
fi
for name in "${names[@]%.mutation}"; do
    git checkout -q . && python3 tests/mutations/mutate.py apply "$name" || exit 2
    if ! cargo build --workspace --bins > "$work/$name.log" 2>&1; then
        echo "$name: does not compile; see $work/$name.log"
        missed=1
        continue
    fi
    run_tests >> "$work/$name.log" 2>&1
    failures=$(failed_tests "$work/$name.log" | wc -l)
    "$CARGO_TARGET_DIR/debug/soak" --instance mutation-soak --orders 600 --minutes 6 > "$work/$name.soak" 2>> "$work/$name.log"
    soak=$?
    verdict=$(grep -E '^(effects lost|effects doubled|mails doubled)' "$work/$name.soak" | tr -s ' ' | paste -sd ';')
    echo "$name: $failures tests fail; soak $( ((soak == 0)) && echo passes || echo fails ) ($verdict)"
    failed_tests "$work/$name.log" | head -12
    ((failures > 0 || soak != 0)) || missed=1
done
exit "${missed:-0}"
