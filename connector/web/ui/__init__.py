"""The pages that people see: server-rendered, quick with htmx, whole without it."""
