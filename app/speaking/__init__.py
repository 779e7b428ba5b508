"""Turns a request into speech. Every front end comes in here, by `Speech.begin` in door.py."""
