"""This package puts German into words."""
