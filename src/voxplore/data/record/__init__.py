"""What rebuilds the shipped reference: sets of cells as the few numbers that they are drawn from."""
