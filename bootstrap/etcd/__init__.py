"""etcd as its clients see it."""
