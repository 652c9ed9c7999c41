"""`data inspect` and `data build`: look at a source, or write it as JSON Lines."""

from __future__ import annotations

from collections import Counter

from kfzoo.data.source import Source


def inspect(source: Source, show: int = 2) -> None:
    """Counts what a source holds and shows its first scripts.

    Args:
        source: By class path, for example `--source kfzoo.data.builtin.BuiltinScripts --source.n 100`.
        show: Scripts to print.
    """
    from rich.console import Console
    from rich.table import Table
    from tqdm.auto import tqdm

    from kfzoo.data.script import ANNOTATIONS, fingerprint

    scripts = list(tqdm(source, desc="Reading scripts", unit=" scripts", delay=2, leave=False))
    keyframes = [keyframe for script in scripts for keyframe in script.keyframes]
    console = Console()
    for script in scripts[:show]:
        console.print(f"[bold]{script.id}[/bold] {script.subject} · {script.emotion}\n  {script.background}")
        for keyframe in script.keyframes:
            for name in ANNOTATIONS:
                if keyframe.description(name):
                    console.print(f"  {keyframe.index} {keyframe.time:6.2f} s {name:8} {keyframe.description(name)}")
    table = Table("", "count")
    table.add_row("scripts", str(len(scripts)))
    table.add_row("keyframes", str(len(keyframes)))
    table.add_row("  with coefficients", str(sum(keyframe.coefficients is not None for keyframe in keyframes)))
    table.add_row("subjects", str(len({script.subject for script in scripts})))
    table.add_row("clips", str(len({script.clip for script in scripts})))
    for part, count in sorted(Counter(script.part or "no part" for script in scripts).items()):
        table.add_row(f"  {part}", str(count))
    table.add_row("fingerprint", fingerprint(scripts)[:16])
    console.print(table)


def build(source: Source, out: str) -> None:
    """Writes a source as JSON Lines, one script a line.

    Args:
        source: By class path, for example `--source kfzoo.data.takes.LiveLinkTakes --source.folder takes`.
        out: Path of the file; it appears when it is whole.
    """
    from tqdm.auto import tqdm

    from kfzoo.data.jsonl import write_scripts

    count = write_scripts(out, tqdm(source, desc="Writing scripts", unit=" scripts", delay=2, leave=False))
    print(f"{count} scripts in {out}")


COMMAND = {"inspect": inspect, "build": build}
