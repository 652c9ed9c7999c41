"""`${oc.env:NAME}` in a configuration: what is saved holds the reference, and never the variable's value.

A configuration is copied into the run folder, results files, checkpoints and logs, which are shared; the environment
holds keys and private paths.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from omegaconf import Container, OmegaConf
from omegaconf.resolvers import oc

from kfzoo.errors import InputError

_OPEN, _CLOSE = "\0env:", "\0"  # No text of a configuration holds them.
_REFERENCE = re.compile(r"\$\{oc\.env:(\w+)(?:,([^{}]*))?\}")
_MISSING: Any = object()

Path = tuple[str | int, ...]


class EnvironmentReferences:
    """Remembers where the configurations that OmegaConf resolves take values from the environment.

    There is one for the process, `REFERENCES`, as OmegaConf's resolvers are the process's.
    """

    def __init__(self) -> None:
        self._configs: list[Container] = []
        self._named = False
        OmegaConf.register_resolver("oc.env", self._value, replace=True)

    def clear(self) -> None:
        """Forgets what an earlier command of this process has read."""
        self._configs.clear()

    def kept(self, config: Mapping[str, Any], part: str = "") -> dict[str, Any]:
        """Returns a resolved configuration with the references in place of what the environment gave.

        Args:
            config: Plain values.
            part: Key of the resolved configuration that holds `config`, such as a command's; empty for all of it.
        """
        found = deepcopy(dict(config))
        for path, text in self._references():
            inner = path[1:] if part and path[0] == part else path
            _replace(found, inner, text)
        return found

    def _references(self) -> Iterator[tuple[Path, str]]:
        self._named = True
        try:
            for config in self._configs:
                for path, text in _texts(OmegaConf.to_container(config, resolve=True)):
                    if _OPEN in text:
                        yield path, text.replace(_OPEN, "${oc.env:").replace(_CLOSE, "}")
        finally:
            self._named = False

    def _value(self, name: str, default: Any = _MISSING, *, _root_: Container) -> Any:
        """Resolves `${oc.env:name}` and `${oc.env:name,default}`."""
        if self._named:
            return f"{_OPEN}{name}{'' if default is _MISSING else f',{default}'}{_CLOSE}"
        if not any(_root_ is each for each in self._configs):
            self._configs.append(_root_)
        return oc.env(name) if default is _MISSING else oc.env(name, default)


REFERENCES = EnvironmentReferences()


def with_environment(where: object, values: Any) -> Any:
    """Returns saved values with those of the environment in place of the references.

    Args:
        where: The file, for messages.
        values: Plain values.

    Raises:
        InputError: For a variable that is not set.
    """
    if isinstance(values, dict):
        return {key: with_environment(where, value) for key, value in values.items()}
    if isinstance(values, list):
        return [with_environment(where, value) for value in values]
    if isinstance(values, str):
        return _REFERENCE.sub(lambda found: _variable(where, *found.groups()), values)
    return values


def _variable(where: object, name: str, default: str | None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise InputError(where, f"names the environment variable {name}, which is not set", "set it")
    return value


def _texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*path, key))


def _replace(config: Any, path: Path, text: str) -> None:
    *way, last = path
    try:
        for key in way:
            config = config[key]
        config[last]  # it is there
        config[last] = text
    except (KeyError, IndexError, TypeError):
        return
