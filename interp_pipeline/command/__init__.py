"""What command lines share: progress bars, log lines, one-line errors, exit codes."""
