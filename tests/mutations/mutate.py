"""Breaks the code on purpose: replaces one piece of text by another, as a mutation file says.

Usage: mutate.py check           whether every mutation fits the code; changes nothing
       mutate.py apply NAME      changes the code; `git checkout .` takes it back

A mutation is a file NAME.mutation beside this script: comments, which start with #, and one or more edits of three lines each:

    file: the path of a source file, from the root of the repository
    find: a piece of its text, which must occur exactly once; any white space, a line break too, matches any other
    with: what replaces it
"""

import re
import sys
from pathlib import Path

MUTATIONS = Path(__file__).resolve().parent
ROOT = MUTATIONS.parent.parent
KEYS = ("file", "find", "with")


class MutationError(Exception):
    """A mutation that does not fit the code, or cannot be read."""


def read_edits(mutation):
    """The edits of a mutation, as (file, find, with)."""
    lines = mutation.read_text(encoding="utf-8").splitlines()
    pairs = [line.split(": ", 1) for line in lines if line.strip() and not line.startswith("#")]
    edits = [pairs[start : start + 3] for start in range(0, len(pairs), 3)]
    if not edits or any(tuple(pair[0] for pair in edit) != KEYS or min(map(len, edit)) < 2 for edit in edits):
        raise MutationError("an edit is three lines: `file: …`, `find: …`, `with: …`")
    return [tuple(value for _, value in edit) for edit in edits]


def pattern(find):
    """Matches the text in any formatting."""
    return re.compile(r"\s+".join(map(re.escape, find.split())))


def mutate(file, find, replacement):
    """The file's text with the replacement in it."""
    path = ROOT / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    mutated, matches = pattern(find).subn(lambda _: replacement, text)
    if matches != 1:
        problem = f"{find!r} is {matches} times in {file}" if path.is_file() else f"{file} does not exist"
        raise MutationError(f"{problem}; {places(find)}")
    return mutated


def places(find):
    """Where the text is now, to help to adapt the mutation."""
    sources = [path for folder in ("events", "functions", "infra") for path in (ROOT / folder).rglob("*.rs")]
    found = [path for path in sources if pattern(find).search(path.read_text(encoding="utf-8"))]
    return "it is in " + ", ".join(str(path.relative_to(ROOT)) for path in sorted(found)) if found else "it is nowhere"


def check():
    """Tries every mutation, one edit by one, and says which do not fit."""
    mutations = sorted(MUTATIONS.glob("*.mutation"))
    failed = not mutations
    for mutation in mutations:
        try:
            for edit in read_edits(mutation):
                mutate(*edit)
        except MutationError as error:
            failed = True
            print(f"{mutation.relative_to(ROOT)}: {error}", file=sys.stderr)
    print(f"{len(mutations)} mutations, {'some do not fit' if failed else 'all fit'}")
    return failed


def apply(name):
    """Makes every edit of a mutation."""
    mutation = MUTATIONS / f"{name}.mutation"
    try:
        for file, find, replacement in read_edits(mutation):
            (ROOT / file).write_text(mutate(file, find, replacement), encoding="utf-8")
    except (MutationError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return True
    return False


def main(*arguments):
    match arguments:
        case ["check"]:
            return check()
        case ["apply", name]:
            return apply(name)
    print(__doc__, file=sys.stderr)
    return True


sys.exit(main(*sys.argv[1:]))
