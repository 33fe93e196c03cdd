"""Text to a complete ``ControlPlane`` and back."""
