"""The dialogue: yes, no, edits that hold and edits that do not, with an editor that is a small program."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from kfzoo.annotation.script_draft import Draft, Moment
from kfzoo.annotation.script_review import agreed

DRAFT = Draft("Ein Flur.", "Hope", (Moment(None, "The gaze [red]is[/red] lowered."), Moment(4.0, "A small smile 😊.")))

Dialogue = Callable[..., tuple[Draft | None, str]]


@pytest.fixture
def dialogue(monkeypatch: pytest.MonkeyPatch) -> Dialogue:
    """Plays a user who types the given lines, then ends the input."""

    def play(*typed: str) -> tuple[Draft | None, str]:
        screen = io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
            patch.setattr("sys.stdout", screen)
            draft = agreed(DRAFT, "Write it?", 1.5, Console(file=screen, width=200))
        return draft, screen.getvalue()

    return play


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes Python code the user's editor: it changes `text`; returns a file with all texts that it was given."""
    seen = tmp_path / "seen by editor"

    def make(code: str) -> Path:
        program = tmp_path / "my editor.py"
        program.write_text(
            "import sys, pathlib\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text('utf-8')\n"
            f"with open({str(seen)!r}, 'a', encoding='utf-8') as seen: seen.write(text + '\\f')\n"
            f"{code}\npath.write_text(text, 'utf-8')\n"
        )
        monkeypatch.setenv("VISUAL", f"{shlex.quote(sys.executable)} {shlex.quote(str(program))}")
        monkeypatch.setenv("EDITOR", "false")
        return seen

    return make


def test_yes_and_no(dialogue: Dialogue) -> None:
    draft, said = dialogue("y")
    assert draft == DRAFT
    for words in (
        "Background: Ein Flur.",
        "Emotion: Hope",
        "[red]is[/red]",
        "(2 s)",
        "4 s",
        "smile 😊",
        "Write it? [y]es",
    ):
        assert words in said
    assert dialogue("Yes")[0] == DRAFT
    assert dialogue("no")[0] is None
    assert dialogue()[0] is None  # the input has ended
    draft, said = dialogue("", "what?", "u", "y")
    assert draft == DRAFT
    assert said.count("Write it?") == 4


def test_an_edit_is_taken(dialogue: Dialogue, editor: Callable[[str], Path]) -> None:
    seen = editor("text = text.replace('Hope', 'Fear of failure').replace('time: 4.0', 'time: null')")
    draft, said = dialogue("e", "y")
    assert draft == Draft("Ein Flur.", "Fear of failure", (DRAFT.moments[0], Moment(None, "A small smile 😊.")))
    assert "Emotion: Fear of failure" in said
    assert "(3 s)" in said
    shown = seen.read_text(encoding="utf-8").removesuffix("\f")
    assert shown.startswith("# Save and close to go on.")
    assert yaml.safe_load(shown) == DRAFT.values()


def test_a_broken_edit_is_told_and_kept(dialogue: Dialogue, editor: Callable[[str], Path]) -> None:
    # First a key is lost and another text changed; then the key is mended.
    seen = editor("text = text.replace('emotion:', 'emotoin:').replace('Flur', 'Saal') if 'Flur' in text else "
                  "text.replace('emotoin', 'emotion')")  # fmt: skip
    draft, said = dialogue("e", "y", "e", "y")
    assert "script: key 'script.emotoin' is unknown; did you mean 'emotion'?" in said
    assert "Nothing is written yet. [e]dit again, [u]ndo the edit, [n]o:" in said
    assert draft is not None
    assert draft.background == "Ein Saal."
    first, second, _ = seen.read_text(encoding="utf-8").split("\f")
    assert "Flur" in first
    assert "emotoin" in second
    assert "Saal" in second


def test_a_broken_edit_can_be_taken_back(dialogue: Dialogue, editor: Callable[[str], Path]) -> None:
    editor("text = text.replace('Hope', 'Hope: and more')")
    draft, said = dialogue("e", "u", "y")
    assert draft == DRAFT
    assert "script:4: is not YAML (mapping values are not allowed here); a text with ': ' or '#'" in said
    assert dialogue("e", "n")[0] is None
    editor("text = ''")
    draft, said = dialogue("e", "y")
    assert draft == DRAFT
    assert "key 'script' is null, expected a JSON object" in said


def test_an_editor_that_fails_changes_nothing(
    dialogue: Dialogue, editor: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    editor("path.write_text('lost')\nraise SystemExit(3)")
    draft, said = dialogue("e", "y")
    assert draft == DRAFT
    assert "ended with code 3; the script stays as it was" in said
    for value in ("no-such-editor", '"unbalanced'):
        monkeypatch.setenv("VISUAL", value)
        draft, said = dialogue("e", "y")
        assert draft == DRAFT
        assert "did not work (" in said
        assert "name one in the environment variable EDITOR" in said
