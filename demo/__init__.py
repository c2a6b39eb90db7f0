"""The whole system on embedded parts."""
