"""How front ends read what clients send, and word what they are refused."""
