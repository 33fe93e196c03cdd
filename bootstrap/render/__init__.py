"""A ``ControlPlane`` to text. Pure: no file, clock or machine is read here except the templates."""
