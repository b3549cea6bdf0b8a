"""`colabel demo`: a sample job through the real service, on pages that it draws itself."""
