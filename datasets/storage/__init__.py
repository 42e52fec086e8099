"""Fields in files and in folders of shards: read when they are asked for, written whole or not at all."""
