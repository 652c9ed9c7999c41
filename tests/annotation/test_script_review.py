"""The review: yes, no, edits that can be read and others, with a small program as the editor."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from kfzoo.annotation.script_draft import Draft, DraftKeyframe
from kfzoo.annotation.script_review import review_draft

DRAFT = Draft(
    "Ein Flur.",
    "Hope",
    (DraftKeyframe(None, "The gaze [red]is[/red] lowered."), DraftKeyframe(4.0, "A small smile 😊.")),
)

Dialogue = Callable[..., tuple[Draft | None, str]]


@pytest.fixture
def dialogue(monkeypatch: pytest.MonkeyPatch) -> Dialogue:
    """Types the given lines, then ends the input."""

    def play(*typed: str) -> tuple[Draft | None, str]:
        screen = io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
            patch.setattr("sys.stdout", screen)
            draft = review_draft(DRAFT, "Write it?", 1.5, Console(file=screen, width=200))
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
    draft, screen = dialogue("y")
    assert draft == DRAFT
    for words in ("Background: Ein Flur.", "Emotion: Hope", "[red]is[/red]", "(2 s)", "4 s", "😊", "Write it? [y]es"):
        assert words in screen
    assert dialogue("Yes")[0] == DRAFT
    assert dialogue("no")[0] is None
    assert dialogue()[0] is None  # the input has ended
    draft, screen = dialogue("", "what?", "u", "y")
    assert draft == DRAFT
    assert screen.count("Write it?") == 4


def test_an_edit_is_taken(dialogue: Dialogue, editor: Callable[[str], Path]) -> None:
    seen = editor("text = text.replace('Hope', 'Fear of failure').replace('time: 4.0', 'time: null')")
    draft, screen = dialogue("e", "y")
    assert draft == Draft(
        "Ein Flur.", "Fear of failure", (DRAFT.keyframes[0], DraftKeyframe(None, "A small smile 😊."))
    )
    assert "Emotion: Fear of failure" in screen
    assert "(3 s)" in screen
    shown = seen.read_text(encoding="utf-8").removesuffix("\f")
    assert shown.startswith("# Save and close to continue.")
    assert yaml.safe_load(shown) == DRAFT.values()


def test_a_broken_edit_is_reported_and_kept(dialogue: Dialogue, editor: Callable[[str], Path]) -> None:
    # First a key is lost and another text changed; then the key is corrected.
    seen = editor("text = text.replace('emotion:', 'emotoin:').replace('Flur', 'Saal') if 'Flur' in text else "
                  "text.replace('emotoin', 'emotion')")  # fmt: skip
    draft, screen = dialogue("e", "y", "e", "y")
    assert "script: key 'script.emotoin' is unknown; did you mean 'emotion'?" in screen
    assert "Nothing is written yet. [e]dit again, [u]ndo the edit, [n]o:" in screen
    assert draft is not None
    assert draft.background == "Ein Saal."
    first, second, _ = seen.read_text(encoding="utf-8").split("\f")
    assert "Flur" in first
    assert "emotoin" in second
    assert "Saal" in second


def test_a_broken_edit_can_be_undone(dialogue: Dialogue, editor: Callable[[str], Path]) -> None:
    editor("text = text.replace('Hope', 'Hope: and more')")
    draft, screen = dialogue("e", "u", "y")
    assert draft == DRAFT
    assert "script:4: is not YAML (mapping values are not allowed here); a text with ': ' or '#'" in screen
    assert dialogue("e", "n")[0] is None
    editor("text = ''")
    draft, screen = dialogue("e", "y")
    assert draft == DRAFT
    assert "key 'script' is null, expected a JSON object" in screen


def test_an_editor_that_fails_changes_nothing(
    dialogue: Dialogue, editor: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    editor("path.write_text('lost')\nraise SystemExit(3)")
    draft, screen = dialogue("e", "y")
    assert draft == DRAFT
    assert "ended with code 3; the script is unchanged" in screen
    for value in ("no-such-editor", '"unbalanced'):
        monkeypatch.setenv("VISUAL", value)
        draft, screen = dialogue("e", "y")
        assert draft == DRAFT
        assert "did not work (" in screen
        assert "name one in the environment variable EDITOR" in screen
