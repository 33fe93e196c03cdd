"""One file per phase; the file name is the CLI word. A phase reads artifacts, never "phase X ran before"."""
