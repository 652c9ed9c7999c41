"""What a rule or a language model writes: analyses of faces (SemanticFace, stage I) and drafts of scripts."""
