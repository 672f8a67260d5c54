"""An original is who it claims to be: claims, evidence, and what contradicts them."""
