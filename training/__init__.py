"""How the models in this repository were made; nothing here is imported by the server."""
