"""The subcommands of `luthier`, one module each: `add_arguments` and `run`."""
