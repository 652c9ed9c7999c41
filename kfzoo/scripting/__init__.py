"""Input standardisation (KeyframeFace, section 4.1): a free text becomes a script, by a language model and a user."""
