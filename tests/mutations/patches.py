#!/usr/bin/env python3
"""Reads what the patches of this folder state, and compares docs/testing.md with it.

  tests/mutations/patches.py DOCUMENT     its table of bugs must be the one that the patches give
  tests/mutations/patches.py --table      prints that table
  tests/mutations/patches.py --applies    each must apply to the tree as it is
  tests/mutations/patches.py --self-test

A patch begins with a sentence that says what is wrong, an empty line, and a line for each finder
that must catch it, in the order of KINDS:

  Caught by unit NAME_OF_A_TEST
  Caught by scenario NAME_OF_A_FILE
  Caught by story NAME_OF_A_TEST
  Caught by random within N seeds
  Caught by explorer WORLD within N states
  Caught by simulator within N seeds
  Caught by processes NAME_OF_A_TEST

Then an empty line and the patch itself. Anything else is an error.
"""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
KINDS = {
    "unit": r"(?P<name>\w+)",
    "scenario": r"(?P<name>\w+)",
    "story": r"(?P<name>\w+)",
    "random": r"within (?P<bound>[1-9]\d*) seeds",
    "explorer": r"(?P<name>\w+) within (?P<bound>[1-9]\d*) states",
    "simulator": r"within (?P<bound>[1-9]\d*) seeds",
    "processes": r"(?P<name>\w+)",
}


class Finder:
    """kind: one of KINDS; name: "" where it has none; bound: 0 where it has none."""

    def __init__(self, line):
        kind = line.removeprefix("Caught by ").split(" ")[0]
        found = re.fullmatch(rf"Caught by {kind} {KINDS[kind]}", line) if kind in KINDS else None
        if not found:
            raise ValueError(f"not a finder: {line!r}")
        parts = found.groupdict()
        self.kind = kind
        self.name = parts.get("name", "")
        self.bound = int(parts.get("bound", "0"))

    def cell(self):
        words = [f"`{self.name}`"] if self.name else []
        return ", ".join(words + ([f"{self.bound:,}"] if self.bound else []))


def read_finders(text):
    """Of a patch; raises ValueError that says what is wrong with its header."""
    head, separator, _ = text.partition("\n\ndiff --git ")
    sentence, _, lines = head.partition("\n\n")
    if not separator or not re.fullmatch(r"[A-Z].*\.", sentence):
        raise ValueError("a sentence, an empty line, finders, an empty line, the patch")
    finders = [Finder(line) for line in lines.split("\n")]
    order = [list(KINDS).index(finder.kind) for finder in finders]
    if order != sorted(set(order)):
        raise ValueError("each kind of finder once, in the order of patches.py")
    return finders


def make_table(finders_of):
    rows = [["bug", *KINDS], ["---"] * (1 + len(KINDS))]
    for name, finders in sorted(finders_of.items()):
        cells = {finder.kind: finder.cell() for finder in finders}
        rows.append([f"`{name}`", *(cells.get(kind, "–") for kind in KINDS)])
    return ["| " + " | ".join(row) + " |" for row in rows]


def read_all(names=()):
    """Of the named patches, or of all."""
    finders_of = {}
    for patch in [HERE / f"{name}.patch" for name in names] or sorted(HERE.glob("*.patch")):
        try:
            finders_of[patch.stem] = read_finders(patch.read_text())
        except ValueError as error:
            sys.exit(f"{patch.name}: {error}")
    return finders_of


def differences(document, table):
    """Between the table and that of the document, which begins with the same line."""
    lines = document.split("\n")
    if table[0] not in lines:
        return [f"no line: {table[0]}"]
    first = lines.index(table[0])
    end = next(i for i in range(first, len(lines) + 1) if not "".join(lines[i:i + 1]))
    told = lines[first:end]
    return ([f"not in the document: {row}" for row in table if row not in told] +
            [f"no patch states: {row}" for row in told if row not in table] +
            [f"told twice: {row}" for row in sorted(set(told)) if told.count(row) > 1] +
            ([] if sorted(told) != sorted(table) or told == table else ["rows out of order"]))


def self_test():
    good = ("A bug.\n\nCaught by scenario story\nCaught by explorer members within 20000 states\n\n"
            "diff --git a/x b/x\n")
    table = make_table({"bug": read_finders(good)})
    assert table[2] == "| `bug` | – | `story` | – | – | `members`, 20,000 | – | – |", table[2]
    document = "# Testing\n\n" + "\n".join(table) + "\n\nMore.\n"
    assert differences(document, table) == []
    assert len(differences(document.replace("20,000", "30,000"), table)) == 2
    assert len(differences(document.replace(table[2] + "\n", ""), table)) == 1
    twice = document.replace(table[2], table[2] + "\n" + table[2])
    assert differences(twice, table) == [f"told twice: {table[2]}"]
    assert differences("# Testing\n", table)
    for wrong in (good.replace("Caught by scenario story\n", "Caught by chance\n"),
                  good.replace("within 20000 states", "within 0 states"),
                  good.replace("20000 states", "20000 seeds"),
                  good.replace("scenario story", "simulator within 5 seeds"),
                  good.replace("Caught by explorer", "Caught by scenario x\nCaught by explorer"),
                  "A bug.\n\ndiff --git a/x b/x\n", good.replace("A bug.\n\n", "")):
        try:
            read_finders(wrong)
        except ValueError:
            continue
        sys.exit(f"taken for a header:\n{wrong}")


# What `run` uses, and as strict.
APPLY = ["patch", "-p1", "--forward", "--fuzz=0"]


def must_apply():
    stale = []
    for patch in sorted(HERE.glob("*.patch")):
        tried = subprocess.run([*APPLY, "--dry-run", "-i", str(patch)], cwd=HERE.parent.parent,
                               capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            stale.append(f"{patch.name} does not apply any more:\n{tried.stdout}{tried.stderr}")
    if stale:
        sys.exit("\n".join(stale))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--self-test":
        return self_test()
    if sys.argv[1] == "--applies":
        return must_apply()
    table = make_table(read_all())
    if sys.argv[1] == "--table":
        return print("\n".join(table))
    wrong = differences(pathlib.Path(sys.argv[1]).read_text(), table)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
