"""The review of a draft in the terminal: the user accepts, edits or rejects it."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kfzoo.annotation.script_draft import Draft, check_draft
from kfzoo.errors import InputError

EDITORS = ("VISUAL", "EDITOR")
"""Environment variables that may name the user's editor; the first that is set counts."""

_EDITOR = "vi"  # Present on every system with these variables.
_HEADER = (
    "# Save and close to continue. `time`: seconds from the start, or null for one that is computed.\n"
    "# Keyframes may be added, moved and removed.\n"
)


def print_draft(draft: Draft, seconds: float, console: Console) -> None:
    """Prints a draft; times that it leaves open are in brackets.

    Args:
        draft: The draft.
        seconds: From one keyframe to the next where the draft leaves it open.
        console: The terminal.
    """
    for name, text in (("Background", draft.background), ("Emotion", draft.emotion)):
        console.print(Text.assemble((f"{name}: ", "bold"), text))
    table = Table("", "time", "what the face shows", box=SIMPLE_HEAD)
    table.columns[1].justify = "right"
    for number, (keyframe, time) in enumerate(zip(draft.keyframes, draft.times(seconds), strict=True), start=1):
        shown = f"({time:.4g} s)" if keyframe.time is None else f"{time:.4g} s"
        table.add_row(str(number), shown, Text(keyframe.description))
    console.print(table)


def review_draft(draft: Draft, question: str, seconds: float, console: Console) -> Draft | None:
    """Shows a draft and asks until the user accepts or rejects it.

    An edit that cannot be read is reported and kept, to be corrected or undone.

    Args:
        draft: The draft.
        question: The question, such as "Write it to x.jsonl?".
        seconds: As in `print_draft`.
        console: The terminal.

    Returns:
        The draft that the user accepted, or None.
    """
    print_draft(draft, seconds, console)
    broken = ""  # An edit that cannot be read.
    while True:
        options = "[e]dit again, [u]ndo the edit, [n]o: " if broken else "[y]es, [e]dit, [n]o: "
        console.print(Text("Nothing is written yet. " if broken else f"{question} "), end="")
        try:
            answer = console.input(Text(options)).strip().lower()[:1]
        except EOFError:
            return None
        if answer == "n":
            return None
        if answer == "y" and not broken:
            return draft
        if answer == "e":
            original = text = _HEADER + _yaml(draft)
            try:
                text = _edit(broken or original)
                draft, broken = _read(text), ""
            except InputError as error:
                console.print(Text(str(error), style="red"))
                broken = broken if text == original else text
                continue
        elif answer == "u" and broken:
            broken = ""
        else:
            continue
        print_draft(draft, seconds, console)


def _yaml(draft: Draft) -> str:
    text: str = yaml.safe_dump(draft.values(), allow_unicode=True, sort_keys=False, width=100)
    return text


def _read(text: str) -> Draft:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"script:{mark.line + 1}" if mark else "script"
        problem = f"is not YAML ({getattr(error, 'problem', None) or error})"
        raise InputError(where, problem, "a text with ': ' or '#' in it needs quotes") from None
    return check_draft("script", values)


def _edit(text: str) -> str:
    """Returns a text after the user has changed it in the editor."""
    editor = next((value for name in EDITORS if (value := os.environ.get(name, "").strip())), _EDITOR)
    with tempfile.TemporaryDirectory(prefix="kfzoo-") as folder:
        path = Path(folder) / "script.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
            if code:
                raise InputError(f"editor '{editor}'", f"ended with code {code}", "the script is unchanged")
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            problem, remedy = f"did not work ({reason})", "name one in the environment variable EDITOR"
            raise InputError(f"editor '{editor}'", problem, remedy) from None
