"""Language models that answer a chat under a JSON Schema, on this machine or behind a server."""
