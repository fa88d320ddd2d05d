"""Scripts that print every figure said about speed or accuracy; ``run.py`` prints them all."""
