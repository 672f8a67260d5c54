"""The commands of ``python -m local``: each module has ``add_arguments(parser)`` and ``run(args)``."""
