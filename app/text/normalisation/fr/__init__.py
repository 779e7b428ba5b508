"""This package puts French into words."""
