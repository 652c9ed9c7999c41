"""What a rule or a language model writes about faces and scripts: analyses (SemanticFace, stage I) and drafts."""
