"""Every sentence of the pages, made from stored numbers; one file per part of a page."""
