"""Which classes a checkpoint or a run's configuration may name: importing a module runs its code."""

from __future__ import annotations

import os
import sys

from kfzoo.errors import InputError

VARIABLE = "KFZOO_CLASSES"
"""Environment variable: modules outside the zoo, separated by commas, whose classes files may name."""


def check_class_path(where: object, class_path: object) -> None:
    """Checks a class path before anything is imported.

    It may name a class of the zoo, of a module that the program has imported already, or of a module (or a package
    above it) that the user named in `KFZOO_CLASSES`.

    Args:
        where: The file that holds it.
        class_path: What stands there.

    Raises:
        InputError: When it is no class path, or one that nobody but the file named.
    """
    if not isinstance(class_path, str) or not all(part.isidentifier() for part in class_path.split(".")):
        raise InputError(where, f"names the class {str(class_path)[:60]!r}", "expected a class path, such as a.b.Model")
    module = class_path.rpartition(".")[0]
    named = [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]
    if module in sys.modules or any(f"{class_path}.".startswith(f"{name}.") for name in ("kfzoo", *named)):
        return
    problem = f"holds a {class_path}, which is no class of this zoo: importing it would run its code"
    raise InputError(where, problem, f"if you trust it, put it on PYTHONPATH and set {VARIABLE}={module}")


def check_class_paths(where: object, settings: object) -> None:
    """Checks every `class_path` in settings that a file holds; names without a module are the zoo's own.

    Raises:
        InputError: As `check_class_path`.
    """
    if isinstance(settings, dict):
        found = settings.get("class_path")
        if "class_path" in settings and not (isinstance(found, str) and found.isidentifier()):
            check_class_path(where, found)
    if isinstance(settings, dict | list):
        for value in settings.values() if isinstance(settings, dict) else settings:
            check_class_paths(where, value)
