"""Mail that goes on to lists and aliases."""
