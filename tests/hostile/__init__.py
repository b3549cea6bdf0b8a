"""Hostile pictures, archives and addresses, made anew by every run and always the same."""
