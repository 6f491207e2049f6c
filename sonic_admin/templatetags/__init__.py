"""The template tags of sonic_admin."""
