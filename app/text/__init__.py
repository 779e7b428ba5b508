"""From a script to the chunks the model speaks: text in, text out, nothing else known here."""
