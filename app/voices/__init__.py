"""Knows which voices there are, makes and keeps them, and turns each into a voice state.

`VoiceFolder` (folder.py) keeps the voices that people made, as files. `VoiceLibrary` (library.py)
finds the voices of one model, those files among them, and gets the state of each. `VoiceStore`
(store.py) is what users change: it makes, describes, renames and deletes the voices of people.
"""
