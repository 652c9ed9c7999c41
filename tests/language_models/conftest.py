from __future__ import annotations

from typing import Any

import pytest

from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.language_models.loading import load_tokenizer


@pytest.fixture(scope="session")
def tokenizer(tiny_qwen3: str) -> Any:
    return load_tokenizer(tiny_qwen3)


@pytest.fixture(scope="session")
def chat(tokenizer: Any) -> ChatFormat:
    return ChatFormat(tokenizer)
