"""What several stand-ins for plugins share."""
