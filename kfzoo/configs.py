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

import json
import os
from pathlib import Path
from typing import Any

from kfzoo.errors import InputError


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
        json.dumps(config, default=str, skipkeys=True)  # an alias may make it endless
    except (OSError, ValueError, RecursionError, YAMLError) as error:
        raise InputError(path, f"cannot be read ({' '.join(str(error).split())})", "give a YAML file") from error
    if not isinstance(config, dict):
        raise InputError(path, "holds no mapping of keys to values", "see configs/ for an example")
    return config


def _merged(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    names = [each["class_path"].rpartition(".")[2] for each in (below, above) if "class_path" in each]
    if len(set(names)) == 2:
        return above
    return below | {key: _merged(below.get(key), value) for key, value in above.items()}
