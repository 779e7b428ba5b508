"""This package puts Portuguese into words."""
