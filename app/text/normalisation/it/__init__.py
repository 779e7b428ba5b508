"""This package puts Italian into words."""
