"""Causal and vision-language models: loading, LoRA, chat format, constrained decoding, training loss, and backends."""
