"""This package serves HTTP, with a subpackage for each kind of client."""
