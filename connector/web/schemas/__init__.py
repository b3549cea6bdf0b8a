"""What goes over the wire: request bodies (checked by these models) and resources (described)."""
