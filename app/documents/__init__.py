"""This package reads documents, such as books, into chapters of text to speak."""
