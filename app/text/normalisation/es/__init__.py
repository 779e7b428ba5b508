"""This package puts Spanish into words."""
