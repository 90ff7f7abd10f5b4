"""The command line, where all that it needs is installed."""

import sys


def main() -> None:
    """Runs the command `seatbelt`; also ``python -m pyro_seatbelt.cli``.

    The library can be installed without what only commands need: then they say so in one line.
    """
    try:
        from pyro_seatbelt.cli.app import main as run

        run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"", "pyro_seatbelt"}:
            raise
        print(  # noqa: T201 - what prints everything else may be what is missing
            f"error: commands need {missing}, which is not installed: "
            "pip install 'pyro-seatbelt[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
