"""The host of the library: decides when something is explained, and shows it."""
