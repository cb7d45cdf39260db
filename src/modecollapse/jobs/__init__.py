"""The entry points that the workflow calls: compute a part, gather a table, draw a figure."""
