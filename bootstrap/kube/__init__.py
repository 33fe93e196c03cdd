"""The API server's client side: one small mTLS client and builders of the objects we keep there."""
