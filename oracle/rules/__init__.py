"""Pure rules, one a file: each takes values and returns why it refuses, or None."""
