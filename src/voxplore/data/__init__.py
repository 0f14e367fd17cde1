"""Where unit cells come from: published files, and cells made on the spot."""

__all__: list[str] = []
