"""Sizes of the language models that the papers tune: enough to count and to measure, not to load weights into.

KeyframeFace prints one parameter count for both of its 14 B models (section 5.2): it is that of Qwen3-14B.
DeepSeek-R1-Distill-Qwen-14B, a Qwen2.5-14B, has 48 narrower blocks: 34,406,400 of 14,804,440,064 parameters are
trained.
"""

from __future__ import annotations

from typing import Any


def _decoder(hidden: int, intermediate: int, blocks: int, heads: int, vocabulary: int, **others: Any) -> dict[str, Any]:
    sizes = {"hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": blocks}
    return {**sizes, "num_attention_heads": heads, "num_key_value_heads": 8, "vocab_size": vocabulary, **others}


_QWEN3_4B = _decoder(2560, 9728, 36, 32, 151936, head_dim=128, tie_word_embeddings=True)
_QWEN3_14B = _decoder(5120, 17408, 40, 40, 151936, head_dim=128, tie_word_embeddings=False)
_DISTILLED = _decoder(5120, 13824, 48, 40, 152064, tie_word_embeddings=False)
_MROPE = {"rope_type": "default", "rope_theta": 5_000_000, "mrope_section": [24, 20, 20], "mrope_interleaved": True}
_VISION = {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16, "out_hidden_size": 2560}
_PATCHES = {"patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2, "num_position_embeddings": 2304}

KNOWN_SIZES: dict[str, dict[str, Any]] = {
    "Qwen/Qwen3-4B-Instruct-2507": {"model_type": "qwen3", **_QWEN3_4B},
    "Qwen/Qwen3-14B": {"model_type": "qwen3", **_QWEN3_14B},
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B": {"model_type": "qwen2", **_DISTILLED},
    "Qwen/Qwen3-VL-4B-Instruct": {
        "model_type": "qwen3_vl",
        "text_config": {**_QWEN3_4B, "rope_parameters": _MROPE},
        "vision_config": {**_VISION, **_PATCHES, "deepstack_visual_indexes": [5, 11, 17]},
        "tie_word_embeddings": True,
    },
}
"""Configurations by hub name, as `transformers.AutoConfig.for_model` takes them."""
