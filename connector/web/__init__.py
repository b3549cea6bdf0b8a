"""HTTP in: the REST API, the hooks, health, and one page. The only part that imports Flask."""
