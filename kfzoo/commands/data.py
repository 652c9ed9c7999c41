"""`data inspect`, `build` and `describe`: look at a source, write it as JSON Lines, put its faces into words."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from itertools import islice

import kfzoo.short_names  # noqa: F401  so that --source can use them
from kfzoo.data.sources.base import Source
from kfzoo.errors import InputError

MOST_LINES = 10
"""Faces without an analysis that are listed with the reason."""


def inspect(source: Source, show: int = 2, figure: str = "") -> None:
    """Counts what a source holds and shows its first scripts.

    Args:
        source: By class name, for example `--source BuiltinScripts --source.n 100`.
        show: Scripts to print.
        figure: Path of a .png, .pdf or .svg that shows how many keyframes there are of each emotion; empty for none.

    Raises:
        InputError: For a figure of another kind, or of data that names no emotion.
    """
    from rich.table import Table
    from rich.text import Text
    from tqdm.auto import tqdm

    from kfzoo.data.emotion_figure import check_figure, draw_emotions
    from kfzoo.data.script import ANNOTATIONS, fingerprint
    from kfzoo.terminal import terminal

    if figure:
        check_figure(figure)  # before a large source is read for nothing
    scripts = list(tqdm(source, desc="Reading scripts", unit=" scripts", delay=2, leave=False))
    keyframes = [keyframe for script in scripts for keyframe in script.keyframes]
    console = terminal()
    for script in scripts[: max(show, 0)]:
        console.print(Text.assemble((script.id, "bold"), f" {script.subject} · {script.emotion}"))
        console.print(f"  {script.background}")
        for keyframe in script.keyframes:
            for name in ANNOTATIONS:
                if keyframe.description(name):
                    console.print(f"  {keyframe.index} {keyframe.time:6.2f} s {name:8} {keyframe.description(name)}")
    table = Table("", "count")
    table.add_row("scripts", str(len(scripts)))
    table.add_row("keyframes", str(len(keyframes)))
    table.add_row("  with coefficients", str(sum(keyframe.coefficients is not None for keyframe in keyframes)))
    table.add_row("subjects", str(len({script.subject for script in scripts})))
    table.add_row("recordings", str(len({script.recording for script in scripts})))
    for part, count in sorted(Counter(script.part or "no part" for script in scripts).items()):
        table.add_row(f"  {part}", str(count))
    table.add_row("fingerprint", fingerprint(scripts)[:16])
    console.print(table)
    for remark in source.remarks:
        console.print(remark, markup=False, highlight=False, soft_wrap=True)
    if figure:
        draw_emotions(scripts, figure)
        print(f"figure     {figure}")


def build(source: Source, out: str) -> None:
    """Writes a source as JSON Lines, one script a line.

    Args:
        source: By class name, for example `--source LiveLinkTakes --source.folder takes`.
        out: Path of the file; it appears when it is whole.
    """
    from tqdm.auto import tqdm

    from kfzoo.data.sources.jsonl import write_scripts

    count = write_scripts(out, tqdm(source, desc="Writing scripts", unit=" scripts", delay=2, leave=False))
    print(f"{count} scripts in {out}")


def describe(
    source: Source, out: str, model: str = "", url: str = "", parallel: int = 1, timeout: float = 120.0
) -> None:
    """Puts the faces of a source into words: SemanticFace's stage I, which its estimator A2 learns to write.

    One line a keyframe: expression category, movements by region with their intensity, emotional implication,
    symmetry. Interrupted, the same command goes on where it stopped; faces that the file knows already are not analysed
    again. A busy server, or one that loses connections, is asked again, with growing pauses; a face whose answers do
    not fit is passed over, and listed at the end. `kfzoo.annotation.described.Described` joins the file to the source.

    Args:
        source: By class name, for example `--source BuiltinScripts`.
        out: The JSON Lines file; it appears when it is whole.
        model: `smollm2` or `huggingface:<name or folder>` (the paper: Qwen3-14B); with a URL a name that the server
            knows. With neither a model nor a URL a rule writes the words.
        url: An OpenAI-compatible server, such as http://localhost:8000/v1. Its key, where it needs one, is read from
            the environment variable KFZOO_API_KEY or OPENAI_API_KEY.
        parallel: Faces that a server is asked for at a time.
        timeout: Seconds that one answer of the server may take.

    Raises:
        InputError: For data without coefficients, a model that cannot be used, a file that cannot be written, and, once
            all others are written, faces that got no analysis.
    """
    from tqdm.auto import tqdm

    from kfzoo.annotation.analysis_file import write_analyses
    from kfzoo.annotation.annotators import Annotator, ModelAnnotator, RuleAnnotator
    from kfzoo.language_models.backend import open_backend
    from kfzoo.terminal import say

    if parallel < 1 or (parallel > 1 and not url):
        problem = f"is {parallel}, expected 1" + (" or more" if url else "")
        raise InputError("--parallel", problem, "" if url else "only a server answers several at a time")
    scripts = tqdm(source, desc="Reading scripts", unit=" scripts", delay=2, leave=False)
    faces = [
        (f"{script.id}#{keyframe.index}", keyframe.coefficients)
        for script in scripts
        for keyframe in script.keyframes
        if keyframe.coefficients is not None
    ]
    if not faces:
        raise InputError("--source", "holds no keyframe with coefficients", "choose data whose ground truth is known")
    annotator: Annotator = ModelAnnotator(open_backend(model, url, timeout)) if model or url else RuleAnnotator()
    with (
        closing(annotator),
        tqdm(total=len(faces), desc="Analysing faces", unit=" faces", delay=2, leave=False) as bar,
    ):

        def progress(done: int) -> None:
            bar.update(done - bar.n)

        new, there, faults = write_analyses(out, faces, annotator, parallel=parallel, progress=progress)
    say(f"{new + there:,} analyses in {out}: {new:,} new, {there:,} from before, by {annotator.name}")
    if faults:
        for name, fault in islice(faults.items(), MOST_LINES):
            say(f"{name}: {fault}", sys.stderr)
        some = ", ".join(f"'{name}'" for name in islice(faults, 3)) + (", …" if len(faults) > 3 else "")
        count = f"{len(faults):,} face{'s' if len(faults) > 1 else ''}"
        problem = f"lacks the analyses of {count} ({some}), whose answers do not fit"
        raise InputError(out, problem, "the same command asks for these again")


COMMAND = {"inspect": inspect, "build": build, "describe": describe}
