"""From fields to what networks learn from: parts, statistics, tensors, windows, point sets."""
