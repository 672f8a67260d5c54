"""The checks behind ``shared.prerequisites``, by what they look at."""
