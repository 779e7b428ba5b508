"""Makes long recordings in the background: cuts, speaks, keeps, and makes the finished file."""
