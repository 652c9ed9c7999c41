"""`script`: a language model drafts a script from a free text, and the user reviews it."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

from kfzoo.errors import InputError


def script(
    text: str,
    out: str = "outputs/script.jsonl",
    model: str = "",
    url: str = "",
    most: int = 5,
    seconds: float = 1.5,
    yes: bool = False,
    timeout: float = 120.0,
) -> None:
    """Turns a free text into a script with keyframes: KeyframeFace's input standardisation (section 4.1).

    A language model drafts background, emotion and keyframes. You accept them, edit them in your editor ($VISUAL or
    $EDITOR), or reject them, which writes nothing and ends with exit code 2. The file is one line of JSON; `generate`
    takes it in place of its text, and `predict` as data (kfzoo.data.sources.jsonl.ScriptsJsonl, annotation original).

    Args:
        text: Anything about a face, an emotion or a scene, in any language the model knows.
        out: The JSON Lines file; an existing one is replaced.
        model: `smollm2` (small, the default) or `huggingface:<name or folder>`; with a URL a name that the server
            knows, which is needed only where it has several.
        url: An OpenAI-compatible server (vLLM, Ollama, …), such as http://localhost:8000/v1. Its key, where it needs
            one, is read from the environment variable KFZOO_API_KEY or OPENAI_API_KEY.
        most: Keyframes at most.
        seconds: From one keyframe to the next where the text gives no time.
        yes: Writes without asking, for shell scripts.
        timeout: Seconds that one answer of the server may take.

    Raises:
        InputError: For an empty text, no terminal to ask in, a model that cannot be used or gives no script, a file
            that cannot be written, and a rejected draft.
    """
    path = _check(text, out, most, seconds)
    if not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("--yes", "is missing, and there is no terminal to ask in", "add it to write without asking")

    from kfzoo.annotation.script_prompt import draft_script
    from kfzoo.annotation.script_review import print_draft, review_draft
    from kfzoo.data.sources.jsonl import write_scripts
    from kfzoo.language_models.backend import open_backend
    from kfzoo.terminal import say, terminal

    console = terminal()
    with terminal(stderr=True).status("Drafting the script"), closing(open_backend(model, url, timeout)) as backend:
        draft = draft_script(text.strip(), backend, most)
    if yes:
        print_draft(draft, seconds, console)
    else:
        question = f"Write it to {path}{', in place of the existing file' if path.exists() else ''}?"
        accepted = review_draft(draft, question, seconds, console)
        if accepted is None:
            raise InputError(path, "is not written, as you rejected the draft")
        draft = accepted
    write_scripts(path, [draft.script(path.stem, seconds)])
    say(path)


def _check(text: str, out: str, most: int, seconds: float) -> Path:
    """Checks the arguments before a model is asked, which may take long; returns the file's path."""
    if not text.strip():
        raise InputError("text", "is empty", 'say what happens, for example "she hears the news and hides her joy"')
    if most < 1:
        raise InputError("--most", f"expected 1 or more, found {most}")
    if not 0 < seconds < float("inf"):
        raise InputError("--seconds", f"expected more than 0, found {seconds:g}")
    path = Path(out)
    if path.is_dir() or not path.stem.isprintable():
        raise InputError("--out", f"'{out}' is no path of a file", "give one such as my_script.jsonl")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(path, "cannot be written", "choose a folder that can be written")
    return path


COMMAND = script
