"""Maps of fields from one discretization to another, and values at probes."""
