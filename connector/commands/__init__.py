"""The sub-commands of `colabel`, one module each."""
