"""What all front ends over HTTP have in common."""
