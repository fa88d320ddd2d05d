"""The tracking server: sessions, the registry, links into its pages, its errors as errors of ours."""
