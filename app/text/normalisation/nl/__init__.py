"""This package puts Dutch into words."""
