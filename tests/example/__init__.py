"""The example project: its parser, its loader, its front page, its settings."""
