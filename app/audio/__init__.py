"""PCM to and from files: encoders, decoders, joins and saved audio. numpy and FFmpeg only."""
