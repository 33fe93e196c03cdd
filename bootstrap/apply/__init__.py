"""Desired files against the disk: diff, plan, journalled commit, generations."""
