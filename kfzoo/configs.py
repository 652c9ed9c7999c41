"""Configuration files that build on others.

The key `base` at the top of a file names another file, or a list of files, relative to its own folder. The file then
holds only the keys that differ:

    base: [builtin.yaml, ../data/takes.yaml]
    run_dir: runs/my_method-takes
    model: {init_args: {layers: 2}}

Bases are merged from the first to the last, and the file itself comes last. Mappings are merged key by key; any other
value, a list too, replaces the earlier one. Where a `class_path` names another class, the earlier class's arguments are
dropped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfzoo.errors import InputError

LARGEST, DEEPEST = 100_000, 60
"""Values of a configuration, and how deep they are nested, at the most."""


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a configuration with all its bases merged.

    Args:
        path: A YAML file.

    Returns:
        Its keys without `base`, as plain values; class paths and `${...}` as they are written.

    Raises:
        InputError: For a file that is missing or holds no mapping, and for a wrong `base`.
    """
    return _read(Path(path), ())


def _read(path: Path, readers: tuple[Path, ...]) -> dict[str, Any]:
    config = _load(path)
    bases = config.pop("base", [])
    names = [bases] if isinstance(bases, str) else bases
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(path, f"key 'base' is {bases!r}", "expected the path of a file, or a list of paths")
    found: dict[str, Any] = {}
    for name in names:
        base = path.parent / name
        if not base.is_file():
            raise InputError(path, f"key 'base' names '{name}', which is no file", f"paths start at {path.parent}")
        if base.resolve() in (*readers, path.resolve()):
            raise InputError(path, f"key 'base' names '{name}', which is built on this file", "remove one of the two")
        found = _merged(found, _read(base, (*readers, path.resolve())))
    merged: dict[str, Any] = _merged(found, config)
    return merged


def _load(path: Path) -> dict[str, Any]:
    from jsonargparse import get_loader  # the command line's own way of reading numbers: 1e-3 is one
    from yaml import YAMLError

    try:
        config = get_loader("yaml")(path.read_text(encoding="utf-8"))
        size = _size(config)
    except (OSError, ValueError, TypeError, RecursionError, YAMLError) as error:
        raise InputError(path, f"cannot be read ({' '.join(str(error).split())[:200]})", "give a YAML file") from error
    if size > LARGEST:
        raise InputError(path, f"holds more than {LARGEST:,} values, by references too", "see configs/ for an example")
    if not (isinstance(config, dict) and all(isinstance(key, str) for key in config)):
        raise InputError(path, "holds no mapping of keys to values", "see configs/ for an example")
    return config


def _size(value: Any) -> int:
    """Counts values; what a YAML file refers to many times counts as often, as it will be copied as often."""
    known: dict[int, int] = {}

    def count(inner: Any, above: tuple[int, ...]) -> int:
        if not isinstance(inner, dict | list):
            return 1
        if id(inner) in above:
            raise ValueError("a value holds itself")
        if len(above) > DEEPEST:
            raise ValueError(f"its values are nested more than {DEEPEST} deep")
        if id(inner) not in known:
            parts = inner.values() if isinstance(inner, dict) else inner
            known[id(inner)] = 1 + sum(count(part, (*above, id(inner))) for part in parts)
        return known[id(inner)]

    return count(value, ())


@contextmanager
def explained_settings(where: object) -> Iterator[None]:
    """Raises `InputError` where a class cannot be built from the settings that it was given.

    Args:
        where: The file that holds them, or what they are.
    """
    try:
        yield
    except Exception as error:
        seen: BaseException | None = error
        while seen is not None and not isinstance(seen, InputError):
            seen = seen.__cause__ or seen.__context__
        if seen is not None:
            raise
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        remedy = "check model, data and trainer; KFZOO_DEBUG=1 shows where it was raised"
        raise InputError(where, f"holds settings that cannot be used ({reason})", remedy) from error


def _merged(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    names = [str(each["class_path"]).rpartition(".")[2] for each in (below, above) if "class_path" in each]
    if len(set(names)) == 2:
        return above
    return below | {key: _merged(below.get(key), value) for key, value in above.items()}
