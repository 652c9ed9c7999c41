"""The command `script` as a user runs it, and its file as input of `generate` and `predict`."""

from __future__ import annotations

import io
import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfzoo.data.sources.jsonl import ScriptsJsonl
from tests.commandline import ROOT, Capture, refusal, results, run, shrink
from tests.language_models.openai_server import GOOD, Server, completion, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def test_a_server_writes_a_script(server: Server, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "new" / "my_script.jsonl"
    assert run("script", "Er hofft.", "--url", server.url, "--out", out, "--yes") == 0
    printed = capsys.readouterr().out
    assert "Hope behind calm" in printed
    assert printed.splitlines()[-1] == str(out)
    (script,) = ScriptsJsonl(out)
    assert (script.id, script.subject, script.background) == ("my_script", "unspecified", GOOD["background"])
    keyframes = [(keyframe.time, keyframe.original) for keyframe in script.keyframes]
    assert keyframes == [(2.0, "The gaze is lowered."), (4.0, "A [bold]small[/bold] smile 😊.")]
    assert [path.name for path in out.parent.iterdir()] == ["my_script.jsonl"]


def test_a_local_model_writes_a_script(tiny_qwen3: str, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    assert run("script", "Sie lächelt.", "--model", tiny_qwen3, "--most", 2, "--out", out, "--yes") == 0
    (script,) = ScriptsJsonl(out)
    assert 1 <= len(script.keyframes) <= 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["  \n"], "text: is empty; say what happens, for example"),
        (["joy", "--most", 0], "--most: expected 1 or more, found 0"),
        (["joy", "--seconds", 0], "--seconds: expected more than 0, found 0"),
        (["joy", "--seconds", ".inf"], "--seconds: expected more than 0, found inf"),
        (["joy", "--out", "."], "--out: '.' is no path of a file; give one such as my_script.jsonl"),
        (["joy", "--out", "pyproject.toml/x.jsonl"], "pyproject.toml/x.jsonl: cannot be written; choose a folder"),
        (["joy"], "--yes: is missing, and there is no terminal to ask in; add it to write without asking"),
        (["joy", "--yes", "--url", "nowhere"], "--url: is no address of a server"),
        (["joy", "--yes", "--url", "http://x/v1", "--timeout", 0], "--timeout: expected more than 0, found 0"),
        (["joy", "--yes", "--model", "gpt"], "language model 'gpt': expected 'smollm2' or 'huggingface:"),
        (["joy", "--yes"], "language model 'smollm2': is not in the cache"),
        (["joy", "--yess"], "did you mean 'yes'?"),
    ],
)
def test_wrong_arguments(
    arguments: list[object], message: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert message in refusal(capsys, "script", *arguments)


def test_an_existing_file_is_kept_when_the_model_fails(server: Server, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "a.jsonl"
    out.write_text("mine")
    broken = (400, b"broken")
    for answer, message in ((broken, "answered 400 (broken)"), (completion("no"), "gave no script that fits")):
        server.answers = [answer]
        assert message in refusal(capsys, "script", "joy", "--url", server.url, "--out", out, "--yes")
        assert out.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [out]


def run_in_a_terminal(server: Server, out: Path, typed: str, editor: str) -> tuple[int, str]:
    """Runs the command in a terminal of its own, types, and returns exit code and screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kfzoo", "script", "Er hofft.", "--url", server.url, "--out", str(out)],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=os.environ | {"VISUAL": editor, "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed.encode())
    screen = b""
    try:
        while piece := os.read(ours, 4096):
            screen += piece
    except OSError:  # Linux: the other side is closed
        pass
    os.close(ours)
    return process.wait(timeout=30), screen.decode()


def test_a_user_edits_in_a_terminal_and_accepts(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    out.write_text("old")
    program = tmp_path / "editor.py"
    program.write_text(
        "import sys, pathlib\np = pathlib.Path(sys.argv[1])\np.write_text(p.read_text().replace('Hope', 'Joy'))"
    )
    code, screen = run_in_a_terminal(server, out, "e\ny\n", shlex.join([sys.executable, str(program)]))
    assert code == 0, screen
    assert f"Writeitto{out},inplaceoftheexistingfile?[y]es,[e]dit,[n]o:".replace(" ", "") in "".join(screen.split())
    assert [script.emotion for script in ScriptsJsonl(out)] == ["Joy behind calm"]


def test_a_rejected_draft_is_not_written(
    server: Server, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = tmp_path / "new" / "a.jsonl"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for typed, code in (("n\n", 2), ("y\n", 0)):
        monkeypatch.setattr("sys.stdin", Keyboard(typed))
        assert run("script", "joy", "--url", server.url, "--out", out) == code
        assert out.is_file() == (code == 0)
        assert ("a.jsonl: is not written, as you rejected the draft" in capsys.readouterr().err) == (code == 2)


def test_generate_and_predict_read_the_file(server: Server, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "my_script.jsonl"
    assert run("script", "joy", "--url", server.url, "--out", path, "--yes") == 0
    small = shrink(ROOT / "configs" / "mean_face" / "builtin.yaml", tmp_path, takes=tmp_path, clip="")
    assert run("fit", "--config", small) == 0
    checkpoint, out = tmp_path / "run" / "best.ckpt", tmp_path / "face"
    assert run("generate", path, "--checkpoint", checkpoint, "--out", out) == 0
    found = [(each["time"], each["text"]) for each in results(tmp_path, "face.json")["keyframes"]]
    assert found == [(2.0, GOOD["keyframes"][0]["description"]), (4.0, GOOD["keyframes"][1]["description"])]

    source = {"class_path": "ScriptsJsonl", "init_args": {"path": str(path)}}
    own = ["--data.init_args.source", json.dumps(source), "--data.init_args.annotation", "original"]
    assert run("predict", "--config", small, *own, "--data.init_args.predict", "all") == 0
    rows = [json.loads(line) for line in (tmp_path / "run" / "predictions.jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows] == [0, 1]

    (line,) = path.read_text(encoding="utf-8").splitlines()
    path.write_text(f"{line}\n{line.replace('my_script', 'other')}\n", encoding="utf-8")
    generate = ["generate", path, "--checkpoint", checkpoint, "--out", out]
    assert "holds 2 scripts, expected one; answer all of them with `predict`" in refusal(capsys, *generate)
    path.write_text(line.replace('"original"', '"arkit"', 1), encoding="utf-8")
    assert "key 'keyframes[0]' has no 'original' description; add it" in refusal(capsys, *generate)
