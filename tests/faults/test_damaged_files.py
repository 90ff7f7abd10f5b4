"""Damaged files: a number is the one that was written, or somebody is told."""

import re

import pytest
from disturbed import copy_place, run_to_end

TRIES = {"smoke": 6, "quick": 60, "full": 1000}
KIND = "damaged file"
READERS = {
    "data": ("drawn",),
    "checkpoints": ("resume", "evaluate"),
    "attacks": ("report", "attack"),
    "evaluation": ("report",),
    "robustness": ("report", "robustness"),
    "figures": ("report",),
}
"""What reads a file of a folder; of the run itself: report and resume."""

_ALOUD = re.compile("damaged|cannot be read|is left out|unreadable|checkpoint", re.IGNORECASE)


def damage(path, rng):
    """Flips a few bits of a file, or cuts it, or empties it."""
    content = bytearray(path.read_bytes())
    kind = rng.choice(["one bit"] * 6 + ["a few bits", "cut", "empty", "zeros"])
    if kind in {"one bit", "a few bits"}:
        for _ in range(1 if kind == "one bit" else 4):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif kind == "zeros":
        start = rng.randrange(len(content))
        content[start : start + 100] = bytes(len(content[start : start + 100]))
    else:
        content = content[: rng.randrange(len(content)) if kind == "cut" else 0]
    path.write_bytes(content)
    return kind


def readers(name, rng):
    """The commands that read a file of a place."""
    first, *rest = name.split("/")
    if first == "run":
        return rng.choice(READERS.get(rest[0], ("report", "resume")))
    return rng.choice(READERS[first])


def page(place):
    file = place.root / "run" / "report.html"
    return file.read_text() if file.exists() else ""


def damage_often(count, complete, root, tally, rng, enough):
    wanted, problems = {}, []
    for name in ("report", "resume", "evaluate", "attack", "robustness", "drawn", "verify"):
        copy = copy_place(complete, root, leave=["trained"])
        whole = run_to_end(copy, name)
        wanted[name] = copy.results(), whole
    files = sorted(
        path.relative_to(complete.root).as_posix()
        for path in complete.root.rglob("*")
        if path.is_file() and path.suffix != ".html" and path.stat().st_size
    )
    groups = {}
    for name in files:
        if name.startswith(("run/", "data/")):
            groups.setdefault("/".join(name.split("/")[:2]), []).append(name)
    tried = sum(row.tried for (kind, _), row in tally.rows.items() if kind == KIND)
    for _ in range(tried, count):
        if enough():
            break
        name = rng.choice(groups[rng.choice(sorted(groups))])
        copy = copy_place(complete, root, leave=["trained", "*.html"])
        kind = damage(copy.root / name, rng)
        if (copy.root / name).read_bytes() == (complete.root / name).read_bytes():
            continue  # zeros were there
        command = readers(name, rng)
        outcome = copy.run(command)
        results, whole = wanted[command]
        found = copy.results() if outcome.status == 0 else {}
        same = all(
            found.get(each) == content
            for each, content in results.items()
            if not _is_input(each, name, command)
        )
        aloud = _ALOUD.search(outcome.err) or (command == "report" and _says_so(copy, complete))
        silent = outcome.status == 0 and not (same or aloud)
        wrong = tally.add(KIND, command, outcome, lost=silent, about=(name, kind))
        if wrong or outcome.status not in {0, 1, 2}:
            problems.append((name, kind, command, wrong, outcome))
    assert problems == []


def _is_input(each, damaged, command):
    """Whether a result is the damaged file itself, or what the command does not make."""
    return each == damaged or (command == "report") != each.endswith(".html")


def _says_so(copy, complete):
    """Whether a page has more notes than that of the whole run."""
    return len(_ALOUD.findall(page(copy))) > len(_ALOUD.findall(page(complete)))


def test_smoke_damaged_files(complete, tmp_path, tally, rng, enough):
    damage_often(TRIES["smoke"], complete, tmp_path / "place", tally, rng, enough)


@pytest.mark.faults
def test_damaged_files(size, complete, tmp_path, tally, rng, enough):
    damage_often(TRIES[size], complete, tmp_path / "place", tally, rng, enough)
