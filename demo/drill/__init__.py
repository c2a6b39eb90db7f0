"""Make each alert fire and resolve for real, and see that it reaches its channels."""
