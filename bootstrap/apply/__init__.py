"""Desired files against the disk: semantic diff, plan, journalled commit, generations, inventory."""
