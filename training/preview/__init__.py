"""The preview voice from free synthetic speech: `python -m training.preview STAGE`."""
