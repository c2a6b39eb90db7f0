"""What all workers stand on."""
