"""The vocabulary of faces: channels, action units, mirroring, words, and Live Link Face files. Numpy only."""
