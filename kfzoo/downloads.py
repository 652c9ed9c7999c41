"""Whether weights may be downloaded: a configuration may ask for it, a checkpoint may not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib import request

VARIABLE = "KFZOO_DOWNLOAD"
"""Environment variable: with `1` the weights that a checkpoint names, and this machine lacks, are downloaded, too."""

_forbidden: ContextVar[bool] = ContextVar("downloads_forbidden", default=False)


def downloads_forbidden() -> bool:
    """Returns whether the code runs within `without_downloads`."""
    return _forbidden.get()


def remedy(usual: str) -> str:
    """Says what helps where weights are not on this machine.

    Args:
        usual: What helps outside `without_downloads`.
    """
    allow = f"get its weights onto this machine, or let those that a checkpoint names be downloaded with {VARIABLE}=1"
    return allow if downloads_forbidden() else usual


@contextmanager
def without_downloads(forbidden: bool = True) -> Iterator[None]:
    """Reads models from this machine alone: folders, and what the hub's cache holds.

    Args:
        forbidden: Whether to do anything.
    """
    if not forbidden or os.environ.get(VARIABLE) == "1":
        yield
        return
    from huggingface_hub import constants

    # transformers, sentence-transformers and timm ask the hub's client; open_clip and torch.hub use urllib.
    library: Any = request
    opener, offline = library._opener, constants.HF_HUB_OFFLINE
    token = _forbidden.set(True)
    try:
        constants.HF_HUB_OFFLINE = True
        library.install_opener(_Closed())
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        library.install_opener(opener)
        _forbidden.reset(token)


class _Closed(request.OpenerDirector):
    """Opens nothing."""

    def open(self, fullurl: Any, *_: Any, **__: Any) -> Any:
        """Refuses.

        Raises:
            OSError: Always.
        """
        raise OSError("a checkpoint names weights that are not on this machine")
