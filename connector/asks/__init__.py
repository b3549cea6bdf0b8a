"""Questions as people see them outside of the pages."""
