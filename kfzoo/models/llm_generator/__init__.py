"""KeyframeFace's LoRA-tuned language model: scripts in, keyframes out, as text that is always valid."""

from kfzoo.models.llm_generator.module import LLMGenerator

__all__ = ["LLMGenerator"]
